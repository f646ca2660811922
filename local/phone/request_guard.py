"""Who may talk to the phone page's routes. It listens on 127.0.0.1 alone, but every web page that a developer opens can reach that, and so
can every other user of the machine.

A page elsewhere can send us a request without reading the answer, and by DNS rebinding (its own name pointing here) read it too. So:

Host, Origin, Sec-Fetch-Site   as local.loopback has it, else 403
X-Phone-Key                    what `make up` prints, for everything but the page's own files, which show nothing
Content-Type                   application/json, where something changes: a foreign page cannot send that without asking first

The page keeps its key in the browser's storage, which belongs to this origin alone; a cookie would go to all ports of this host.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from local.loopback import from_elsewhere, own_host

KEY_HEADER = "X-Phone-Key"


@dataclass(frozen=True)
class Refusal:
    """Why a request is not taken."""

    status: int
    error: str
    detail: str


def page(headers: Mapping[str, str]) -> Refusal | None:
    """Judge a request for the page itself, or for the receiver: links from elsewhere may lead to them."""
    if own_host(headers):
        return None
    return Refusal(403, "foreign_host", "Open this as http://127.0.0.1 or http://localhost, with the port; other names are refused.")


def reading(headers: Mapping[str, str]) -> Refusal | None:
    """Judge a request for what the page shows, its key aside; a callback too, which everybody may post but a web page."""
    if refusal := page(headers):
        return refusal
    if from_elsewhere(headers):
        return Refusal(403, "foreign_origin", "Only this page itself may ask for this.")
    return None


def holder(headers: Mapping[str, str], key: str) -> Refusal | None:
    """Judge whether whoever asks has the page's key."""
    if hmac.compare_digest(headers.get(KEY_HEADER.lower(), "").encode(), key.encode()):
        return None
    detail = f"This is for you alone: open the link to the phones that make up prints, or send its key in the header {KEY_HEADER}."
    return Refusal(401, "no_key", detail)


def writing(headers: Mapping[str, str]) -> Refusal | None:
    """Judge a request that changes something, its key aside."""
    if refusal := reading(headers):
        return refusal
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return Refusal(415, "not_json", "Send application/json.")
    return None
