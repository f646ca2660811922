"""Room on the disk: what a start needs, and whether that is what lacks when something fails."""

from __future__ import annotations

import shutil
from pathlib import Path

from local.child_process import StartError

# Measured: 400 MB of functions and libraries that the emulator unpacks, and as much again when many requests come at once.
NEEDED_MB = 1000
FULL_MB = 30


def free_mb(folder: Path) -> int:
    """Return how much is free where `folder` is, or is to be."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(there).free // 1_000_000


def check(folder: Path, free: int) -> None:
    """Raise `StartError` where `free` MB are too few for a start."""
    if free < NEEDED_MB:
        raise StartError(
            f"the disk that holds {folder} has {free} MB free, and a start needs {NEEDED_MB} MB: "
            "each function is unpacked there with its libraries, until the system stops; free some and start again"
        )


def shortage(folder: Path, free: int) -> str:
    """Return what to say beside an error where the disk is full; empty where it is not."""
    return f"\nThe disk that holds {folder} is full ({free} MB free): free {NEEDED_MB} MB and start again." if free < FULL_MB else ""
