"""Which URLs may be called back, as written. What their names resolve to is checked again at connect (`shared.addresses`)."""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from shared.addresses import is_public
from shared.errors import AvioError, Code

MAX_LENGTH = 2048
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\.?$){_LABEL}(\.{_LABEL})*\.?")
_BRACKETS = re.compile(r"([^\[\]]*|\[[^\[\]]*\](:[0-9]*)?)")  # urlsplit passes over what follows a bracket
_PRIVATE_NAMES = ("localhost", ".localhost", ".local", ".internal", ".intranet", ".home.arpa", ".lan")


def check(url: str, *, allow_http: bool, allow_private: bool) -> str:
    """Return the URL, or raise `invalid_callback_url` with a sentence that says why."""
    if len(url) > MAX_LENGTH or not url.isascii() or any(not c.isprintable() or c in " \\" for c in url):
        raise _refused(f"A callback URL is at most {MAX_LENGTH} ASCII characters, without spaces or backslashes.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _refused("This is not a URL.") from error
    if parts.scheme != "https" and not (allow_http and parts.scheme == "http"):
        raise _refused("A callback URL begins with https://.")
    if "@" in parts.netloc:
        raise _refused("A callback URL holds no user name or password; its signature says who calls.")
    if not parts.hostname or port == 0 or parts.fragment or not _BRACKETS.fullmatch(parts.netloc):
        raise _refused("A callback URL has a host, a possible port and no fragment.")
    address = _literal(parts.hostname)
    if address is None and not _NAME.fullmatch(parts.hostname):
        raise _refused("A callback URL's host is a name or an address.")
    if not allow_private and not _is_public(address, parts.hostname.rstrip(".")):
        raise _refused("A callback URL's host is reachable from the internet.")
    return url


def _is_public(address: IPv4Address | IPv6Address | None, name: str) -> bool:
    if address is not None:
        return is_public(address)
    return "." in name and not name.endswith(_PRIVATE_NAMES)


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a host spells, odd spellings (octal, hex, one number) included, as a resolver reads them."""
    if "%" in host:  # an interface of ours (fe80::1%eth0), or an escape that a host has no place for
        return None
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host.rstrip(".")))
    except (OSError, ValueError):
        return None


def _refused(why: str) -> AvioError:
    return AvioError(Code.INVALID_CALLBACK_URL, why)
