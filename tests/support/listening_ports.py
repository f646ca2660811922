"""The TCP ports on which processes of this machine listen, as Linux tells them."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

LISTENING = "0A"


def of(pid: int) -> set[int]:
    """Return the ports of a process and of its descendants."""
    held = {inode for one in _family(pid) for inode in _sockets(one)}
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENING and fields[9] in held:
                found.add(int(fields[1].rpartition(":")[2], 16))
    return found


def _family(pid: int) -> set[int]:
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    family, size = {pid}, 0
    while size < len(family):
        size = len(family)
        family |= {child for child, parent in parents.items() if parent in family}
    return family


def _sockets(pid: int) -> set[str]:
    inodes = set()
    with contextlib.suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                inodes.add(os.readlink(descriptor).removeprefix("socket:[").removesuffix("]"))
    return inodes
