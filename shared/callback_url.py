"""Checks the text of a callback URL. The addresses of its host are checked at each connection (`shared.public_addresses`)."""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import SplitResult, urlsplit

from shared.errors import AvioError, Code
from shared.public_addresses import is_public

MAX_LENGTH = 2048
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\.?$){_LABEL}(\.{_LABEL})*\.?")
_BRACKETS = re.compile(r"([^\[\]]*|\[[^\[\]]*\](:[0-9]*)?)")  # urlsplit ignores text after a bracket
# Some parsers take such a name for an address: https://url.spec.whatwg.org/#ends-in-a-number-checker
_ENDS_IN_NUMBER = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)\.?")
_PRIVATE_ENDINGS = (
    *(".localhost", ".localdomain", ".local", ".internal", ".intranet", ".private", ".corp", ".home", ".lan", ".home.arpa", ".svc"),
    *(".onion", ".invalid"),
)
# Ports of services that an HTTP request could misuse: those that browsers refuse (https://fetch.spec.whatwg.org/#port-blocking), and those
# of some databases and remote desktops.
_BAD_PORTS = frozenset(
    {
        0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110, 111, 113,
        115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563,
        587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669,
        6679, 6697, 10080, 445, 873, 1433, 1521, 2375, 2379, 3306, 3389, 5432, 5900, 6379, 9042, 11211, 27017,
    }
)  # fmt: skip


def check(url: str, *, allow_http: bool, allow_private: bool) -> str:
    """Return the URL, or raise `invalid_callback_url` with a sentence about the fault."""
    parts = _parts(url, allow_http=allow_http)
    if "@" in parts.netloc:
        raise _refused("A callback URL must not contain a user name or password. Set an Authorization header in callback_headers instead.")
    if "#" in url:
        raise _refused("A callback URL must not contain a #: text after it never reaches a server. Leave it out.")
    host = parts.hostname
    if not host or not _BRACKETS.fullmatch(parts.netloc):
        raise _refused("A callback URL needs a host after the //, like https://shop.example/webhook.")
    if parts.port in _BAD_PORTS:
        raise _refused(f"Port {parts.port} is not a web server's port. Use another port, such as 443 or 8443.")
    if host.endswith(".") and _literal(host) is None:
        raise _refused("A callback URL's host must not end with a dot. Leave the last dot out.")
    address = _literal(host)
    if address is None and ("[" in parts.netloc or not _is_name(host)):
        raise _refused("A callback URL's host must be a name like shop.example, or an IP address.")
    if not allow_private and not _is_public(address, host.rstrip(".")):
        raise _refused("A callback URL's host must be reachable from the internet: a public name or address, not a private one.")
    return url


def _parts(url: str, *, allow_http: bool) -> SplitResult:
    """Return a URL's parts, or raise `invalid_callback_url` if a callback must not have its characters or its scheme."""
    if len(url) > MAX_LENGTH:
        raise _refused(
            f"A callback URL has at most {MAX_LENGTH} characters; this URL has {len(url)}. Use callback_headers for long values."
        )
    if not url.isascii():
        raise _refused(f"A callback URL must be ASCII.{_in_ascii(url)} Percent-encode other characters in its path.")
    if any(not c.isprintable() or c in " \\" for c in url):
        raise _refused("A callback URL must not contain spaces, control characters or backslashes. Percent-encode them: %20 is a space.")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise _refused("This is not a URL: its host or its port (1 to 65535) cannot be read.") from error
    schemes = ("https", "http") if allow_http else ("https",)
    if parts.scheme not in schemes:
        raise _refused(
            f"A callback URL must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}, like https://shop.example/webhook."
        )
    return parts


def _in_ascii(url: str) -> str:
    """Return a sentence about how to write a URL's host in ASCII, or an empty string if it cannot be converted."""
    try:
        host = (urlsplit(url).hostname or "").encode("idna").decode()
    except (ValueError, UnicodeError):
        return ""
    return f" Write its host as {host}." if host.startswith("xn--") or ".xn--" in host else ""


def _is_name(host: str) -> bool:
    return _NAME.fullmatch(host) is not None and _ENDS_IN_NUMBER.fullmatch(host) is None


def _is_public(address: IPv4Address | IPv6Address | None, name: str) -> bool:
    if address is not None:
        return is_public(address)
    return "." in name and not name.endswith(_PRIVATE_ENDINGS)


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address in a host, also if it is in octal, in hex or a single number, as resolvers read it; None for a name."""
    if "%" in host:  # a network interface (fe80::1%eth0), or an escape, which a host must not contain
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
