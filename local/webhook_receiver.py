"""A webhook receiver, as a customer would write it: a small HTTP server that checks both signatures with the standard library.

It shares no code with the signing side, so that both cannot have the same mistake.
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
    """A received POST. Header names are in lower case."""

    headers: Mapping[str, str]
    body: bytes

    @cached_property
    def payload(self) -> dict[str, Any]:
        """The body as JSON."""
        payload: dict[str, Any] = json.loads(self.body)
        return payload

    @property
    def text(self) -> str:
        """The text of its message."""
        return str(self.payload["message"]["text"])


class WebhookReceiver:
    """Keeps callbacks, answers them with 200, and can wait for one."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/callback"
        self.got: list[Callback] = []
        self._changed = threading.Condition()

    def keep(self, callback: Callback) -> None:
        """Add a callback."""
        with self._changed:
            self.got.append(callback)
            self._changed.notify_all()

    def wait(self, wanted: Callable[[Callback], bool], deadline_s: float) -> Callback | None:
        """Return the first callback that is `wanted`, or None if none comes within `deadline_s` seconds."""
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
