"""Free disk space: the check before a start, and the hint beside an error if the disk is full."""

from __future__ import annotations

import shutil
from pathlib import Path

from local.child_process import StartError

# Measured: 400 MB of functions and libraries that the emulator unpacks, and as much again when many requests come at once.
NEEDED_MB = 1000
FULL_MB = 30


def free_mb(folder: Path) -> int:
    """Return the free space of the disk that holds `folder`, or will hold it."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(there).free // 1_000_000


def check(folder: Path, free: int) -> None:
    """Raise `StartError` if `free` MB are too few for a start."""
    if free < NEEDED_MB:
        raise StartError(
            f"the disk that holds {folder} has {free} MB free, and a start needs {NEEDED_MB} MB: "
            "each function is unpacked there with its libraries, until the system stops; free some and start again"
        )


def shortage(folder: Path, free: int) -> str:
    """Return the hint for an error message if the disk is full, else an empty string."""
    return f"\nThe disk that holds {folder} is full ({free} MB free): free {NEEDED_MB} MB and start again." if free < FULL_MB else ""
