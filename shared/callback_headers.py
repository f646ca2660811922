"""The headers that a tenant may add to its events, to authorize Avio at its endpoint. They cannot change the request itself."""

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
"""The same rules for the OpenAPI document. Reserved names, and the limit on the total length, are not in it."""
_SIGNED_FOR_AWS = ("AWS4-", "AWS ")
_RESERVED = frozenset(
    {
        *("host", "user-agent", "x-signature", "date", "via", "forwarded", "expect", "range"),
        *("connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings"),
    }
)
# The last ones are headers that metadata services demand before they answer, and that AWS's own services obey.
_RESERVED_PREFIXES = (
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
    """Return the headers, or raise ValueError with a sentence about the fault. The sentence contains no header value."""
    if len(headers) > MOST or sum(len(name) + len(value) for name, value in headers.items()) > MOST_CHARACTERS:
        raise ValueError(f"At most {MOST} headers, of at most {MOST_CHARACTERS} characters together.")
    if len({_folded(name) for name in headers}) < len(headers):
        raise ValueError("Give each header once. Upper and lower case, and dashes and underscores, count as the same.")
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            raise ValueError("A header's name has up to 64 letters, digits and dashes.")
        if _is_reserved(name):
            raise ValueError(f"{name} is reserved: Avio, the connection or cloud services use it. Leave it out.")
        if not _VALUE.fullmatch(value):
            raise ValueError(f"The value of {name} must have up to 1024 printable ASCII characters, and no spaces around them.")
        if _folded(name) == "authorization" and value.upper().startswith(_SIGNED_FOR_AWS):
            raise ValueError(f"The value of {name} is a signature for AWS. It cannot be sent.")
    return dict(headers)


def sendable(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers without reserved ones: a stored header may be older than the rule that reserves it."""
    return {name: value for name, value in headers.items() if not _is_reserved(name)}


def _is_reserved(name: str) -> bool:
    return _folded(name) in _RESERVED or _folded(name).startswith(_RESERVED_PREFIXES)


def _folded(name: str) -> str:
    """Return a name as CGI-like servers see it: X_Signature, X.Signature and X-Signature are the same (RFC 3875, 4.1.18)."""
    return _FOLDED.sub("-", name.lower())
