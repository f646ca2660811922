"""Detects requests from other web pages. Every page that a developer opens can send requests to ports of 127.0.0.1.

Host             must be 127.0.0.1 or localhost         after DNS rebinding it would be the page's own name
Origin           must be this host, if it is set        browsers set both, and scripts cannot change them
Sec-Fetch-Site   must be same-origin or none, if it is set

This uses only the standard library, because the emulator runs it in its own environment.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

HOSTS = {"127.0.0.1", "localhost"}


def own_host(headers: Mapping[str, str], others: Collection[str] = ()) -> bool:
    """Tell whether a request's host is a name of this machine, or one of `others`.

    Header names are in lower case. The port may be any, as behind a proxy.
    """
    name, _, port = headers.get("host", "").partition(":")
    return (name.lower() in HOSTS or name.lower() in others) and (not port or (port.isascii() and port.isdigit()))


def from_elsewhere(headers: Mapping[str, str]) -> bool:
    """Tell whether the browser's headers show that a page of another origin made this request."""
    site, origin = headers.get("sec-fetch-site", "none"), headers.get("origin")
    return site not in ("same-origin", "none") or (origin is not None and origin != f"http://{headers.get('host')}")
