"""A worker's private interface, as functions meet it: TLS with a certificate of its own, its key asked for, answers as a test says."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

from pydantic import SecretStr

from shared.model.ids import WorkerId
from shared.model.worker import Worker, WorkerState
from tests.support.certificates import CertificateFiles, certificate_for

Answer = dict[str, Any] | None
"""What a command answers; None breaks the connection after the request was read."""
Respond = Callable[[str, dict[str, Any]], Answer]


class StandInOwner:
    """Serves until closed. `asked` are the commands it got, each with its body; `silent` is for answers that wait."""

    def __init__(self, folder: Path, *, certificate: CertificateFiles | None = None, accounts: int = 0) -> None:
        shown = certificate or certificate_for("worker")
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.request_ids: list[str | None] = []
        self.silent = threading.Event()
        self.respond: Respond = lambda command, body: {}
        self._server = _Server(("127.0.0.1", 0), self, shown.server_context(folder))
        self.worker = Worker(
            id=WorkerId(f"worker-{uuid4()}"),
            state=WorkerState.LIVE,
            beat=1,
            address=f"127.0.0.1:{self._server.server_address[1]}",
            certificate=certificate_for("worker").certificate,
            rpc_key=SecretStr("rpc key"),
            accounts=accounts,
        )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        """Refuse connections from now on, and end those there are. Safe to run twice."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        for connection in list(self._server.open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], owner: StandInOwner, tls: ssl.SSLContext) -> None:
        super().__init__(address, _Handler)
        self.owner = owner
        self.tls = tls
        self.open: set[socket.socket] = set()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of connections that tests break."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()
        self.server.open.add(self.request)

    def finish(self) -> None:
        self.server.open.discard(self.request)
        with suppress(OSError):
            super().finish()
        self.request.close()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        command = self.path.removeprefix("/")
        self.server.owner.asked.append((command, body))
        self.server.owner.request_ids.append(self.headers["X-Request-Id"])
        if self.headers["X-Admin-Token"] == "rpc key":
            answer = self.server.owner.respond(command, body)
        else:
            answer = {"error": "invalid_credentials"}
        if answer is None:
            self.close_connection = True
            return
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
