"""The image's steps, run outside Docker: what is locked can be installed as the Dockerfile says, is enough, and needs no writable disk."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.bootstrap import ROOT, UV

DOCKERFILE = (ROOT / "listener" / "Dockerfile").read_text()
STEPS = re.findall(r"^RUN pip install --no-cache-dir (.+)$", DOCKERFILE, re.MULTILINE)
COMPILE = re.findall(r"^RUN python (-m compileall .+)$", DOCKERFILE, re.MULTILINE)
ONLY_PIPS = re.compile(r" --prefix \S+")
# Starts the listener without settings and ends it again. Whatever would write to a disk is printed.
STARTED = """
import asyncio, os, sys

def hook(event, arguments):
    writes = event == "open" and isinstance(arguments[0], str) and (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if writes and arguments[0] != "/dev/null" or event in {"os.mkdir", "os.remove", "os.rename", "os.symlink"}:
        print(event, arguments[0])

sys.addaudithook(hook)
import listener.__main__
from listener.core.runtime.certificate import new_certificate
from shared.clock import SystemClock

listener.__main__.ListenerSettings()
new_certificate(SystemClock().now())
"""
ENVIRONMENT = {
    "TABLE_NAME": "avio",
    "DELIVERIES_TABLE_NAME": "deliveries",
    "EVENTS_QUEUE_URL": "https://sqs.example/events.fifo",
    "KMS_KEY_ID": "x",
    "MEDIA_BUCKET": "x",
    "AWS_DEFAULT_REGION": "us-east-1",
    "PYTHONDONTWRITEBYTECODE": "1",
}


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
    (python,) = re.findall(r"^ARG BASE=python:(3\.\d+)[0-9.]*-slim", DOCKERFILE, re.MULTILINE)
    where = ["--dry-run", "--python-platform", platform, "--python-version", python, "--target", str(tmp_path)]
    uv(*where, *ONLY_PIPS.sub("", STEPS[1]).split(), environment=environment)


def test_what_is_copied_is_compiled_and_starts_without_writing(environment: Path, tmp_path: Path) -> None:
    """The task's root file system is read-only: byte code is there before, and no key passes through a file."""
    for folder in ("shared", "listener"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    python = str(environment / "bin" / "python")
    (step,) = COMPILE
    subprocess.run([python, *shlex.split(step)], cwd=tmp_path, check=True)
    sources = [*tmp_path.rglob("*.py")]
    assert len(sources) == len([*tmp_path.rglob("*.pyc")]) > 100
    uv(*ONLY_PIPS.sub("", STEPS[1]).split(), environment=environment)
    done = subprocess.run([python, "-c", STARTED], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_both_stages_have_the_same_base_by_digest() -> None:
    """A tag moves; what was tested is what is built."""
    assert re.search(r"^ARG BASE=python:[\w.-]+@sha256:[0-9a-f]{64}$", DOCKERFILE, re.MULTILINE)
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == ["${BASE}", "${BASE}"]


def test_the_process_is_nobody_special() -> None:
    """A number, so that whoever runs the image sees that it is not root."""
    assert [int(user) for user in re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)] == [10001]
    assert "--uid 10001" in DOCKERFILE
