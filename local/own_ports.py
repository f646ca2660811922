"""The ports on which the running system listens, in a file that the delivery function reads before it connects.

Callbacks may go to all ports of this machine except these, because services behind them trust their callers. Each line is
`<port> [<path>]`; callbacks may go to the path. A line is written before its service starts, if the port is known by then. The next start
begins with an empty file.
"""

from __future__ import annotations

from pathlib import Path

DEV_RECEIVER = "/dev/callback-receiver"


def file_in(state: Path) -> Path:
    """Return the path of the file."""
    return state / "own-ports"


def forget(state: Path) -> None:
    """Empty the file."""
    file_in(state).parent.mkdir(parents=True, exist_ok=True)
    file_in(state).write_text("")


def add(state: Path, port: int, *welcome: str) -> None:
    """Add a port. Callbacks may go to these paths."""
    with file_in(state).open("a") as listed:
        listed.write(" ".join([str(port), *welcome]) + "\n")
