"""The template for tests and benchmarks. It has stand-ins for the code, so no bundle is built, and is cached until infra_cdk changes."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from infra_cdk.artifacts import FUNCTIONS, LAYERS, Artifacts
from infra_cdk.settings import Target
from local.bootstrap import ROOT

CACHE = ROOT / "build" / "test-templates"


def stand_in_artifacts(folder: Path) -> Artifacts:
    """Write nearly empty files in the place of bundles."""
    image = folder / "image"
    (image / "listener").mkdir(parents=True, exist_ok=True)
    (image / "listener" / "Dockerfile").write_text("FROM scratch\n")
    files = {name: folder / f"{name}.zip" for name in (*FUNCTIONS, *(f"layer-{layer}" for layer in LAYERS))}
    for name, path in files.items():
        path.write_bytes(name.encode())
    return Artifacts({name: files[name] for name in FUNCTIONS}, {layer: files[f"layer-{layer}"] for layer in LAYERS}, image)


def template(target: Target, **settings: str) -> dict[str, Any]:
    """Return the template for `target`, from the cache, or made in a process of its own (5 s). The caller may change it.

    `settings`: those that differ from the defaults, as in the environment.
    """
    found: dict[str, Any] = json.loads(_text(target, json.dumps(settings, sort_keys=True)))
    return found


@cache
def _text(target: Target, settings: str) -> str:
    sources = [*sorted((ROOT / "infra_cdk").glob("*.py")), Path(__file__), ROOT / "locks" / "dev.txt"]
    digest = hashlib.sha256(b"\0".join([settings.encode(), *(path.read_bytes() for path in sources)])).hexdigest()[:16]
    cached = CACHE / f"{target}-{digest}.json"
    if not cached.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            subprocess.run([sys.executable, "-m", "local.stand_in_template", target, folder, settings], cwd=ROOT, check=True, timeout=300)
            (Path(folder) / "Avio.template.json").rename(cached)
    return cached.read_text()


def write(target: Target, folder: Path, settings: Mapping[str, str], *, checked: bool = False) -> Path:
    """Write the template to a folder, and return its path. `checked`: with the security checks, which may fail it."""
    from infra_cdk.app import STACK, app, check
    from infra_cdk.settings import from_environment

    made = app(from_environment(target, settings), stand_in_artifacts(folder / "code"), folder)
    if checked:
        check(made)
    made.synth()
    return folder / f"{STACK}.template.json"


if __name__ == "__main__":
    write(sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3]))  # type: ignore[arg-type]
