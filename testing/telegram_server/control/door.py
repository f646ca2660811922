"""Who may use the control interface: whoever has its password, and no web page, whatever it has.

An ASGI layer before the routes. Bodies are JSON: what a page can send to another origin without asking first is not.
"""

from __future__ import annotations

import base64
import hmac

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from local.loopback import from_elsewhere, own_host

USER = "avio"
PASSWORD = "TELEGRAM_CONTROL_PASSWORD"  # noqa: S105  the variable of the environment that has it


class Door:
    """Lets requests pass, or refuses them."""

    def __init__(self, app: ASGIApp, password: str) -> None:
        self._app = app
        self._expected = "Basic " + base64.b64encode(f"{USER}:{password}".encode()).decode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        refusal = self._refusal(Headers(scope=scope)) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, headers: Headers) -> JSONResponse | None:
        if not own_host(headers) or from_elsewhere(headers):
            return _refuse(403, "foreign", "this interface takes requests for 127.0.0.1 and localhost, and none of web pages")
        if not hmac.compare_digest(headers.get("authorization", "").encode(), self._expected.encode()):
            refused = _refuse(401, "wrong_password", "the control interface wants the password of its control_url (HTTP Basic)")
            refused.headers["WWW-Authenticate"] = 'Basic realm="control"'
            return refused
        has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        if has_body and headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return _refuse(415, "not_json", "send application/json")
        return None


def _refuse(status: int, error: str, detail: str) -> JSONResponse:
    return JSONResponse({"error": error, "detail": detail}, status)
