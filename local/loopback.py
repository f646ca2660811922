"""Requests that other web pages send to ports of 127.0.0.1: every page that a developer opens can.

Host             must be 127.0.0.1 or localhost    a page whose own name was made to point here (DNS rebinding) comes under that name
Origin           must be this host, if it is there      browsers set both, and scripts cannot change them
Sec-Fetch-Site   must be same-origin or none, if it is there

Nothing but the standard library: the emulator runs this in an environment of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

HOSTS = {"127.0.0.1", "localhost"}


def own_host(headers: Mapping[str, str], others: Collection[str] = ()) -> bool:
    """Whether a request was made under a name of this machine, or one of `others`.

    Header names are in lower case; the port may be any, as behind a proxy.
    """
    name, _, port = headers.get("host", "").partition(":")
    return (name.lower() in HOSTS or name.lower() in others) and (not port or (port.isascii() and port.isdigit()))


def from_elsewhere(headers: Mapping[str, str]) -> bool:
    """Whether a browser says that a page of another origin made this request."""
    site, origin = headers.get("sec-fetch-site", "none"), headers.get("origin")
    return site not in ("same-origin", "none") or (origin is not None and origin != f"http://{headers.get('host')}")
