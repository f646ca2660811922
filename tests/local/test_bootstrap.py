"""Setting up the environments: which are made anew, and where they lie."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from local.bootstrap import ENVIRONMENTS, ROOT, environments, fingerprint


def test_an_environment_is_made_anew_for_another_lock_or_interpreter() -> None:
    """And for another interpreter of the same version: PYTHON says which one is meant."""
    made_of = (b"ruff==1", "3.11.7 (main)", "/usr")
    others = [(b"ruff==2", *made_of[1:]), (made_of[0], "3.13.0 (main)", "/usr"), (*made_of[:2], "/opt/python")]
    assert fingerprint(*made_of) == fingerprint(*made_of)
    assert len({fingerprint(*one) for one in (made_of, *others)}) == 4


def test_an_environment_knows_the_interpreter_that_it_was_made_by() -> None:
    """So `make setup` with the same PYTHON leaves it alone, and with another does not."""
    lock = (ROOT / "locks" / "dev.txt").read_bytes()
    stamp = (Path(sys.prefix) / ".lock-digest").read_text(encoding="utf-8")
    assert stamp == fingerprint(lock, sys.version, sys.base_prefix)
    assert stamp != fingerprint(lock, sys.version.replace(".", "!", 1), sys.base_prefix)


def test_what_processes_import_is_compiled_beforehand() -> None:
    """So a process starts in a third of the time where no bytecode is written, which the emulator asks of its functions."""
    telethon = find_spec("telethon.tl.functions.messages")
    assert telethon
    assert telethon.cached
    assert Path(telethon.cached).exists()
    assert list(ENVIRONMENTS["emulator"].glob("lib/python*/site-packages/ministack/__pycache__/app.*.pyc"))


def test_a_second_interpreter_may_have_environments_of_its_own() -> None:
    """In the folder that AVIO_ENVIRONMENTS names; the default ones are not touched."""
    own, default = environments("build/other"), environments("")
    assert own == {name: ROOT / "build" / "other" / name for name in default}
    assert not set(own.values()) & set(default.values())
    asked = "from local.bootstrap import ENVIRONMENTS; print(ENVIRONMENTS['dev'])"
    environment = {**os.environ, "AVIO_ENVIRONMENTS": "build/other"}
    said = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert Path(said.stdout.strip()) == own["dev"]
