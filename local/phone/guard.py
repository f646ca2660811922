"""Who may talk to the phone page's routes. It listens on 127.0.0.1 alone, but every web page that a developer opens can reach that.

A page elsewhere can send us a request without reading the answer, and by DNS rebinding (its own name pointing here) read it too. So:

Host             127.0.0.1 or localhost, else 403              a rebound name arrives here as the Host it was asked under
Sec-Fetch-Site   same-origin or none, where it is there        browsers set it, and scripts cannot
Origin           this one, where it is there
Content-Type     application/json, where something changes     a foreign page cannot send that without asking first
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

HOSTS = {"127.0.0.1", "localhost"}


@dataclass(frozen=True)
class Refusal:
    """Why a request is not taken."""

    status: int
    error: str
    detail: str


def anyone(_: Mapping[str, str]) -> Refusal | None:
    """Judge a callback: the receiver takes them from everybody, here as behind the gateway."""
    return None


def page(headers: Mapping[str, str]) -> Refusal | None:
    """Judge a request for the page itself: links from elsewhere may lead to it."""
    host = headers.get("host", "")
    if host.rsplit(":", 1)[0] in HOSTS:
        return None
    return Refusal(403, "foreign_host", "Open this page as http://127.0.0.1 or http://localhost, with the port; other names are refused.")


def reading(headers: Mapping[str, str]) -> Refusal | None:
    """Judge a request for what the page shows."""
    if refusal := page(headers):
        return refusal
    site, origin = headers.get("sec-fetch-site", "none"), headers.get("origin")
    if site not in ("same-origin", "none") or (origin is not None and origin != f"http://{headers['host']}"):
        return Refusal(403, "foreign_origin", "Only this page itself may ask for this.")
    return None


def writing(headers: Mapping[str, str]) -> Refusal | None:
    """Judge a request that changes something."""
    if refusal := reading(headers):
        return refusal
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return Refusal(415, "not_json", "Send application/json.")
    return None
