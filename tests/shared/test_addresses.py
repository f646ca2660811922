"""Which addresses are the public internet's."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.public_addresses import is_public

PRIVATE = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.255 169.254.0.1 169.254.169.254 172.16.0.1
172.31.255.255 192.0.0.1 192.0.2.1 192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1
255.255.255.255 :: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:0:127.0.0.1 ::127.0.0.1 64:ff9b::127.0.0.1 64:ff9b::a00:1 64:ff9b:1::1
100::1 2001::1 2001:db8::1 2001:10::1 2002:7f00:1:: 2002:a00:1:: 2002:c0a8:101::1 3fff::1 fc00::1 fd12:3456::1 fe80::1 fec0::1 ff02::1
ff0e::1 5f00::1 4000::1 e000::1 2001:0:4136:e378:8000:63bf:f5ff:fffe
"""
PUBLIC = """
1.1.1.1 8.8.8.8 9.9.9.9 93.184.216.34 100.63.255.255 100.128.0.1 172.15.255.255 172.32.0.1 192.167.255.255 192.169.0.1 223.255.255.255
2606:4700:4700::1111 2001:4860:4860::8888 2a00:1450:4001:81b::200e ::ffff:8.8.8.8 64:ff9b::808:808 2002:808:808::1
"""


@pytest.mark.parametrize("address", PRIVATE.split())
def test_what_is_not_on_the_internet_is_not_public(address: str) -> None:
    """Private, shared, local, documented, multicast, reserved; and IPv6 forms that carry such an IPv4 address."""
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC.split())
def test_what_is_on_the_internet_is_public(address: str) -> None:
    """Neighbours of the private ranges included, and IPv6 forms that carry a public IPv4 address."""
    assert is_public(ip_address(address))


@given(st.integers(0, (1 << 32) - 1))
def test_an_ipv4_address_is_the_same_however_ipv6_carries_it(number: int) -> None:
    """Mapped, translated or tunnelled: none is a way around."""
    plain = is_public(IPv4Address(number))
    mapped = IPv6Address((0xFFFF << 32) | number)
    translated = IPv6Address((0x64FF9B << 96) | number)
    tunnelled = IPv6Address((0x2002 << 112) | (number << 80) | 1)
    assert [is_public(mapped), is_public(translated), is_public(tunnelled)] == [plain] * 3
