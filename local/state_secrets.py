"""What opens the parts of one local system. Every other user of the machine, and every web page in its browser, can reach our ports;
so each part asks for a secret of its own, derived from one that lies in the state folder, which its owner alone can read.

    <state>/access --> emulator   the secret key that AWS requests are signed with (local.emulator_guard)
                       control    the password of the Telegram test server's control interface
                       phones     what the phone page and `/phone/code` ask for
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

FOLDER, FILE = 0o700, 0o600


@dataclass(frozen=True)
class StateSecrets:
    """The secrets of one state folder; the same at each start, so that what runs on finds what was started again."""

    seed: str = field(repr=False)

    @property
    def emulator(self) -> str:
        """The secret access key of the emulator's root."""
        return self._derived("emulator")

    @property
    def control(self) -> str:
        """The password of the test server's control interface."""
        return self._derived("control")

    @property
    def phones(self) -> str:
        """The key of the phone page."""
        return self._derived("phones")[:32]

    def _derived(self, purpose: str) -> str:
        return hmac.new(self.seed.encode(), purpose.encode(), hashlib.sha256).hexdigest()


def of(state: Path) -> StateSecrets:
    """Return what opens the system of that folder, which becomes its owner's alone. One process at a time makes it."""
    private_folder(state)
    kept = state / "access"
    if not (kept.exists() and kept.read_text()):
        with private_file(kept) as file:
            file.write(secrets.token_hex(32))
    return StateSecrets(kept.read_text())


def private_folder(path: Path) -> None:
    """Make a folder that its owner alone can read; one that is there becomes so."""
    path.mkdir(parents=True, exist_ok=True, mode=FOLDER)
    path.chmod(FOLDER)


@contextmanager
def private_file(path: Path) -> Iterator[IO[str]]:
    """Write a file that its owner alone can read, whole or not at all."""
    scratch = path.with_name(f"{path.name}.new")
    scratch.unlink(missing_ok=True)
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE), "w") as file:
        yield file
    scratch.replace(path)
