"""Which headers a tenant may have sent along with its events: those that let us in at its endpoint, not those that make the request."""

from __future__ import annotations

import re
from collections.abc import Mapping

MOST = 20
MOST_CHARACTERS = 4096
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")  # RFC 9110, 5.6.2
_VALUE = re.compile(r"[!-~]([ -~]{0,1022}[!-~])?")
SCHEMA = {
    "maxProperties": MOST,
    "propertyNames": {"pattern": f"^{_NAME.pattern}$"},
    "additionalProperties": {"type": "string", "pattern": f"^{_VALUE.pattern}$"},
}
"""How the document says it; which names are ours, and how long they may be together, it says in words."""
_OURS = frozenset(
    {
        *("host", "user-agent", "x-signature", "date", "via", "forwarded", "expect", "range"),
        *("connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings"),
    }
)
# The last ones are what metadata services ask for before they answer.
_OUR_BEGINNINGS = (
    "accept",
    "content-",
    "if-",
    "proxy-",
    "sec-",
    "webhook-",
    "x-forwarded-",
    "x-aws-",
    "x-google-",
    "x-http-method",
    "metadata",
)


def check(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers, or raise ValueError with a sentence that says what is wrong, without a value in it."""
    if len(headers) > MOST or sum(len(name) + len(value) for name, value in headers.items()) > MOST_CHARACTERS:
        raise ValueError(f"At most {MOST} headers, of at most {MOST_CHARACTERS} characters together.")
    if len({name.lower() for name in headers}) < len(headers):
        raise ValueError("A header is given once; capitals make no difference.")
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            raise ValueError("A header's name is made of up to 64 letters, digits and dashes.")
        if name.lower() in _OURS or name.lower().startswith(_OUR_BEGINNINGS):
            raise ValueError(f"{name} is one of the headers that Avio sets, or that the connection is made of.")
        if not _VALUE.fullmatch(value):
            raise ValueError(f"The value of {name} is up to 1024 printable ASCII characters, without spaces around them.")
    return dict(headers)
