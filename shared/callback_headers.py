"""Which headers a tenant may have sent along with its events: those that let us in at its endpoint, not those that make the request."""

from __future__ import annotations

import re
from collections.abc import Mapping

MOST = 20
MOST_CHARACTERS = 4096
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")  # RFC 9110, 5.6.2
_FOLDED = re.compile(r"[^a-z0-9]")
_VALUE = re.compile(r"[!-~]([ -~]{0,1022}[!-~])?")
SCHEMA = {
    "maxProperties": MOST,
    "propertyNames": {"pattern": f"^{_NAME.pattern}$"},
    "additionalProperties": {"type": "string", "pattern": f"^{_VALUE.pattern}$"},
}
"""How the document says it; which names are ours, and how long they may be together, it says in words."""
_SIGNED_FOR_AWS = ("AWS4-", "AWS ")
_OURS = frozenset(
    {
        *("host", "user-agent", "x-signature", "date", "via", "forwarded", "expect", "range"),
        *("connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings"),
    }
)
# The last ones are what metadata services ask for before they answer, and what AWS's own services obey.
_OUR_BEGINNINGS = (
    "accept",
    "content-",
    "if-",
    "proxy-",
    "sec-",
    "webhook-",
    "x-forwarded-",
    "x-amz",
    "x-aws-",
    "x-google-",
    "x-http-method",
    "metadata",
)


def check(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers, or raise ValueError with a sentence that says what is wrong, without a value in it."""
    if len(headers) > MOST or sum(len(name) + len(value) for name, value in headers.items()) > MOST_CHARACTERS:
        raise ValueError(f"At most {MOST} headers, of at most {MOST_CHARACTERS} characters together.")
    if len({_folded(name) for name in headers}) < len(headers):
        raise ValueError("A header is given once; capitals make no difference, nor does a dash or an underscore.")
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            raise ValueError("A header's name is made of up to 64 letters, digits and dashes.")
        if _is_ours(name):
            raise ValueError(f"{name} is one of the headers that Avio sets, that the connection is made of, or that cloud services obey.")
        if not _VALUE.fullmatch(value):
            raise ValueError(f"The value of {name} is up to 1024 printable ASCII characters, without spaces around them.")
        if _folded(name) == "authorization" and value.upper().startswith(_SIGNED_FOR_AWS):
            raise ValueError(f"The value of {name} is a signed request to AWS; it cannot be sent along.")
    return dict(headers)


def sendable(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers without those that would be refused today: what was stored may be older than a rule."""
    return {name: value for name, value in headers.items() if not _is_ours(name)}


def _is_ours(name: str) -> bool:
    return _folded(name) in _OURS or _folded(name).startswith(_OUR_BEGINNINGS)


def _folded(name: str) -> str:
    """Return a name as servers of CGI's descent see it: X_Signature, X.Signature and X-Signature are one (RFC 3875, 4.1.18)."""
    return _FOLDED.sub("-", name.lower())
