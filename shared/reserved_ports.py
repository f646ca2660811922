"""The ports of this machine on which the system itself listens: no callback and no fetched attachment may go there. On AWS there are none.

On a developer's machine everything runs side by side, and callbacks may go to private addresses. The program that starts a part of the
system writes the part's port into a file, one line each: `<port> [<path that callbacks may go to>]`. The file is read for each connection,
since parts come and go while a function lives.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from pathlib import Path


class OwnPorts:
    """Knows the system's own ports. `listed`: the file, or None if no part of the system runs on this machine."""

    def __init__(self, listed: Path | None = None) -> None:
        self._listed = listed

    def refuse(self, address: IPv4Address | IPv6Address, port: int, path: str) -> bool:
        """Tell whether a callback must not go there. If the file cannot be read, every port of this machine is refused."""
        if self._listed is None or not _is_this_machine(address):
            return False
        try:
            lines = [line.split() for line in self._listed.read_text().splitlines()]
        except OSError:
            return True
        return any(line[0] == str(port) and path not in line[1:] for line in lines if line)


def _is_this_machine(address: IPv4Address | IPv6Address) -> bool:
    inner = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    address = inner or address
    return address.is_loopback or address.is_unspecified
