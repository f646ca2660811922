"""The ports of this machine that the running system listens on, in a file that the delivery function reads before it connects.

A callback may go to any port of this machine but these: behind them, rights are taken for granted. One line each: `<port> [<path>]`; at
the path callbacks are welcome. Written before a part can be reached as far as its port is known, and forgotten at the next start.
"""

from __future__ import annotations

from pathlib import Path

DEV_RECEIVER = "/dev/callback-receiver"


def file_in(state: Path) -> Path:
    """Return where the list is."""
    return state / "own-ports"


def forget(state: Path) -> None:
    """Begin an empty list."""
    file_in(state).parent.mkdir(parents=True, exist_ok=True)
    file_in(state).write_text("")


def add(state: Path, port: int, *welcome: str) -> None:
    """Add a port; callbacks are welcome at these paths."""
    with file_in(state).open("a") as listed:
        listed.write(" ".join([str(port), *welcome]) + "\n")
