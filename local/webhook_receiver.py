"""A callback's other end, as a customer would write it: a small HTTP server, and the two signatures checked by the standard library alone.

Nothing here is shared with the code that signs, so that a mistake there cannot hide behind the same mistake here.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PREFIX = "whsec_"


def standard_webhooks_holds(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Check `webhook-signature`: base64 HMAC-SHA256 of `id.timestamp.body`; of several, one must match. https://www.standardwebhooks.com"""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{headers.get('webhook-id')}.{headers.get('webhook-timestamp')}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(expected, given) for given in headers.get("webhook-signature", "").split())


def x_signature_holds(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Check `X-Signature`: hex HMAC-SHA256 of the body, keyed with the whole secret as text."""
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, headers.get("x-signature", ""))


@dataclass(frozen=True)
class Callback:
    """A POST as it came; header names are in lower case."""

    headers: Mapping[str, str]
    body: bytes

    @cached_property
    def payload(self) -> dict[str, Any]:
        """The body as JSON."""
        payload: dict[str, Any] = json.loads(self.body)
        return payload

    @property
    def text(self) -> str:
        """The text of the message it tells of."""
        return str(self.payload["message"]["text"])


class WebhookReceiver:
    """Keeps what is posted to it, answers 200, and lets others wait for it."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/callback"
        self.got: list[Callback] = []
        self._changed = threading.Condition()

    def keep(self, callback: Callback) -> None:
        """Take one in."""
        with self._changed:
            self.got.append(callback)
            self._changed.notify_all()

    def wait(self, wanted: Callable[[Callback], bool], deadline_s: float) -> Callback | None:
        """Return the first callback like that, or None where it has not come when `deadline_s` seconds have passed."""
        with self._changed:
            self._changed.wait_for(lambda: any(wanted(one) for one in self.got), deadline_s)
            return next((one for one in self.got if wanted(one)), None)


@contextmanager
def running() -> Iterator[WebhookReceiver]:
    """Listen on a free port of 127.0.0.1 until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            receiver.keep(Callback({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
            """Say nothing: the transcript tells what came."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver = WebhookReceiver(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="receiver", daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
