"""Telegram's data centres: which address each has.

An account lives in one data centre, and its key is known there alone. Telegram answers 303 (PHONE_MIGRATE_n, USER_MIGRATE_n,
NETWORK_MIGRATE_n) where a log-in begins elsewhere: https://core.telegram.org/api/datacenter
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Address(NamedTuple):
    """Where a data centre answers."""

    host: str
    port: int


PRODUCTION: Mapping[int, Address] = {
    1: Address("149.154.175.53", 443),
    2: Address("149.154.167.51", 443),
    3: Address("149.154.175.100", 443),
    4: Address("149.154.167.91", 443),
    5: Address("91.108.56.130", 443),
}
"""The addresses that clients are built with; help.getConfig names the present ones."""


def listed(config: Any, dc_id: int) -> Address | None:
    """Return a data centre's address for everything, over IPv4, from the answer of help.getConfig; None if it is not listed."""
    for option in config.dc_options:
        if option.id == dc_id and not (option.ipv6 or option.media_only or option.cdn or option.tcpo_only) and option.secret is None:
            return Address(option.ip_address, option.port)
    return None


def read_addresses(text: str, dc_id: int) -> dict[int, Address]:
    """Read `host:port`, which is the data centre `dc_id`, and after commas the others as `dc=host:port`."""
    found: dict[int, Address] = {}
    for part in text.split(","):
        name, _, address = part.rpartition("=")
        host, port = address.rsplit(":", 1)
        found[int(name or dc_id)] = Address(host, int(port))
    return found
