"""Write the CloudFormation template: for AWS by `make synth`, for the emulator whenever something changed that it depends on."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from infra_cdk import settings as deployment
from infra_cdk.bundle import ROOT, BundleError, Bundler
from infra_cdk.settings import Target, from_environment
from local.check_template import TemplateRefused, lint
from local.configuration import misspelt

TEMPLATE = "Avio.template.json"
CACHE = ROOT / "build" / "synth"
DEADLINE_S = 600


def main(arguments: list[str]) -> None:
    """Synthesize for AWS to build/cdk.out, with the settings of the environment. What the checks refuse ends it."""
    output = Path(arguments[0]) if arguments else ROOT / "build" / "cdk.out"
    if problems := [*misspelt(os.environ), *deployment.problems("aws", os.environ)]:
        raise SystemExit("\n".join(problems))
    try:
        _synthesize("aws", os.environ, output, ROOT)
        lint(output / TEMPLATE)
    except (BundleError, TemplateRefused) as error:
        raise SystemExit(str(error)) from None
    print(f"{output / TEMPLATE}")


def local_template(environ: Mapping[str, str], sources: Path = ROOT) -> Path:
    """The template for the emulator, beside its assets. Made anew (5 s) only if code, locks, infrastructure or settings changed.

    Raises `BundleError`.
    """
    settings = from_environment("local", environ)
    artifacts = Bundler(settings, sources).build()
    parts = [repr(settings), repr(artifacts), *(path.read_text() for path in sorted((ROOT / "infra_cdk").glob("*.py")))]
    digest = hashlib.sha256("\0".join([*parts, (ROOT / "locks" / "dev.txt").read_text()]).encode()).hexdigest()[:16]
    target = CACHE / digest
    if not target.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=CACHE))  # as deep as its final place: the assembly names assets relative to itself
        try:
            _synthesize("local", environ, scratch, sources)
            scratch.rename(target)
        except OSError:
            if not target.exists():  # else somebody was quicker, and theirs is the same
                raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return target / TEMPLATE


def _synthesize(target: Target, environ: Mapping[str, str], output: Path, sources: Path) -> None:
    """Run the CDK application in a process of its own: it keeps a Node running for as long as it lives."""
    command = [sys.executable, "-m", "infra_cdk.app", target, str(output), str(sources)]
    environment = {**os.environ, **environ}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=DEADLINE_S)
    if done.returncode:
        raise BundleError(done.stderr.strip() or f"synthesis ended with {done.returncode}")
    sys.stderr.write(done.stderr)
