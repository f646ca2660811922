"""Which IP addresses are public: the ones a callback may go to."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network

_GLOBAL_UNICAST = IPv6Network("2000::/3")  # all that IANA has given out of IPv6 so far: RFC 4291, 2.5.4
_DOCUMENTATION = IPv6Network("3fff::/20")  # RFC 9637, newer than some Pythons
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052
_COMPATIBLE = IPv6Network("::/96")  # RFC 4291, 2.5.5.1, deprecated


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Tell whether an address is one of the public internet's, an IPv4 address inside an IPv6 one included."""
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast
    inner = _embedded(address)
    if inner:
        return all(is_public(one) for one in inner)
    return address in _GLOBAL_UNICAST and address.is_global and address not in _DOCUMENTATION


def _embedded(address: IPv6Address) -> list[IPv4Address]:
    """Return the IPv4 addresses that an IPv6 address stands for: mapped, translated or tunnelled."""
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    if address.sixtofour:
        return [address.sixtofour]
    if address.teredo:
        return list(address.teredo)
    if address in _NAT64 or address in _COMPATIBLE:
        return [IPv4Address(int(address) & 0xFFFFFFFF)]
    return []
