"""Public IP addresses: callbacks may go to these alone.

Python's `ipaddress` follows IANA's registries of special addresses. This module refuses some more ranges, which are public by the registry
(or by that of an older Python) but hold no web servers.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

_GLOBAL_UNICAST = IPv6Network("2000::/3")  # the only part of IPv6 that IANA has assigned so far: RFC 4291, 2.5.4
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052
_COMPATIBLE = IPv6Network("::/96")  # RFC 4291, 2.5.5.1, deprecated
_REFUSED_4 = (
    IPv4Network("192.0.0.0/24"),  # RFC 6890: protocol assignments
    IPv4Network("192.88.99.0/24"),  # RFC 7526: relays of 6to4, deprecated
    IPv4Network("168.63.129.16/32"),  # Azure's metadata and DNS, at a public address
)
_REFUSED_6 = (
    IPv6Network("2001::/23"),  # RFC 2928: protocol assignments, among them Teredo, ORCHID and benchmarking
    IPv6Network("2001:db8::/32"),  # RFC 3849: documentation
    IPv6Network("3fff::/20"),  # RFC 9637: documentation
)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Tell whether an address is on the public internet. Of an IPv6 address that contains an IPv4 address, the latter counts."""
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast and not any(address in network for network in _REFUSED_4)
    inner = _embedded(address)
    if inner:
        return is_public(inner)
    if address not in _GLOBAL_UNICAST or not address.is_global or _is_isatap(address):
        return False
    return not any(address in network for network in _REFUSED_6)


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address inside an IPv6 address (mapped, translated or tunnelled), or None."""
    if address in _NAT64 or address in _COMPATIBLE:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def _is_isatap(address: IPv6Address) -> bool:
    """Tell whether an address tunnels to an IPv4 address of a site's own network: RFC 5214, 6.1."""
    return (int(address) >> 32) & 0xFDFFFFFF == 0x00005EFE
