"""The image's install steps, run outside Docker: what is locked can be installed as the Dockerfile says, and is enough."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from local.bootstrap import ROOT, UV

DOCKERFILE = (ROOT / "listener" / "Dockerfile").read_text()
STEPS = re.findall(r"^RUN pip install --no-cache-dir (.+)$", DOCKERFILE, re.MULTILINE)
ONLY_PIPS = re.compile(r" --prefix \S+")


def uv(*arguments: str, environment: Path) -> None:
    """Run uv on an environment as pip runs in the image; what fails is told whole."""
    command = [str(UV), "pip", "install", "--quiet", "--python", str(environment / "bin" / "python"), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment after the first step: with what builds wheels."""
    home = tmp_path_factory.mktemp("image") / "env"
    subprocess.run([str(UV), "venv", "--quiet", "--python", sys.executable, str(home)], check=True)
    uv(*STEPS[0].split(), environment=home)
    return home


def test_the_image_can_be_installed_and_holds_all_that_the_listener_imports(environment: Path) -> None:
    """Its last import is Telethon's pyaes, which comes as source alone."""
    uv(*ONLY_PIPS.sub("", STEPS[1]).split(), environment=environment)
    code = "import listener.__main__, pyaes; print(pyaes.__name__)"
    done = subprocess.run([str(environment / "bin" / "python"), "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "pyaes\n"), done.stderr


@pytest.mark.parametrize("platform", ["aarch64-manylinux_2_28", "x86_64-manylinux_2_28"])
def test_the_locks_wheels_are_there_for_the_image(environment: Path, platform: str, tmp_path: Path) -> None:
    """For the image's Python on Fargate's processor and on a developer's."""
    python = re.findall(r"FROM python:([0-9.]+)-slim", DOCKERFILE)
    assert len(set(python)) == 1
    where = ["--dry-run", "--python-platform", platform, "--python-version", python[0], "--target", str(tmp_path)]
    uv(*where, *ONLY_PIPS.sub("", STEPS[1]).split(), environment=environment)
