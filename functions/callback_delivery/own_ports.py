"""Which ports of this machine are the system's own, so that no callback goes there. On AWS there are none.

Locally everything runs on one machine, where callbacks may go to private addresses: whoever starts a part writes its port into a file,
one `<port> [<path that callbacks may go to>]` a line. It is read for each connection, since parts come and go while a function lives.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from pathlib import Path


class OwnPorts:
    """Tells the system's own ports. `listed` is the file, or None where nothing runs beside the function."""

    def __init__(self, listed: Path | None = None) -> None:
        self._listed = listed

    def refuse(self, address: IPv4Address | IPv6Address, port: int, path: str) -> bool:
        """Tell whether a callback must not go there. A list that cannot be read refuses every port of this machine."""
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
