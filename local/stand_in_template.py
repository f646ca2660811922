"""The template for tests and benchmarks. It has stand-ins for the code, so no bundle is built, and is cached until infra_cdk changes."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
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


def template(target: Target) -> dict[str, Any]:
    """Return the template for `target`, from the cache, or made in a process of its own (5 s). The caller may change it."""
    found: dict[str, Any] = json.loads(_text(target))
    return found


@cache
def _text(target: Target) -> str:
    sources = [*sorted((ROOT / "infra_cdk").glob("*.py")), Path(__file__), ROOT / "locks" / "dev.txt"]
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    cached = CACHE / f"{target}-{digest}.json"
    if not cached.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            subprocess.run([sys.executable, "-m", "local.stand_in_template", target, folder], cwd=ROOT, check=True, timeout=300)
            (Path(folder) / "Avio.template.json").rename(cached)
    return cached.read_text()


def _write(target: Target, folder: Path) -> None:
    from infra_cdk.app import app
    from infra_cdk.settings import from_environment

    app(from_environment(target, {}), stand_in_artifacts(folder / "code"), folder).synth()


if __name__ == "__main__":
    _write(sys.argv[1], Path(sys.argv[2]))  # type: ignore[arg-type]
