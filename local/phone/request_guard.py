"""Checks requests to the phone page. It listens on 127.0.0.1. Other users of the machine, and web pages in its browsers, can reach that.

A foreign page can send us requests without reading the answers. With DNS rebinding (its own name points here) it can read them too. So:

Host, Origin, Sec-Fetch-Site   checked by local.loopback, else 403
X-Phone-Key                    the key that `make up` prints, for all but the page's own files, which contain no data
Content-Type                   application/json for changes: a foreign page needs a preflight to send that

The page keeps its key in the browser's storage, which belongs to this origin. A cookie would go to all ports of this host.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from local.loopback import from_elsewhere, own_host

KEY_HEADER = "X-Phone-Key"


@dataclass(frozen=True)
class Refusal:
    """The error for a refused request."""

    status: int
    error: str
    detail: str


def page(headers: Mapping[str, str]) -> Refusal | None:
    """Check a request for the page's files, or for the receiver. Links on other pages may lead there."""
    if own_host(headers):
        return None
    return Refusal(403, "foreign_host", "Open this as http://127.0.0.1 or http://localhost, with the port; other names are refused.")


def reading(headers: Mapping[str, str]) -> Refusal | None:
    """Check a request for the page's data, except for its key. This also checks callbacks, which only web pages may not post."""
    if refusal := page(headers):
        return refusal
    if from_elsewhere(headers):
        return Refusal(403, "foreign_origin", "Only this page itself may ask for this.")
    return None


def holder(headers: Mapping[str, str], key: str) -> Refusal | None:
    """Check the key of the page."""
    if hmac.compare_digest(headers.get(KEY_HEADER.lower(), "").encode(), key.encode()):
        return None
    detail = f"This is for you alone: open the link to the phones that make up prints, or send its key in the header {KEY_HEADER}."
    return Refusal(401, "no_key", detail)


def writing(headers: Mapping[str, str]) -> Refusal | None:
    """Check a request that changes data, except for its key."""
    if refusal := reading(headers):
        return refusal
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return Refusal(415, "not_json", "Send application/json.")
    return None
