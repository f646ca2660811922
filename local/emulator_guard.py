"""Authenticates requests to the emulator. ministack alone serves web pages, other users of the machine, and any signature.

    request --> has the gateway's pass     --> /_aws/execute-api/ only: the front sends it with the requests of strangers
            --> has the start's pass       --> the two paths that a start needs (STARTING)
            --> is from another web page, or under another host name                                          --> 403
            --> is an address signed for S3  --> that file, for as long as the address says
            --> is signed by a known key   --> all of AWS: as root (12 digits, and the state's secret), or in a role of the stack
            --> 403

This runs in the emulator's environment. ministack is imported inside functions, because only that environment has it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from local.loopback import from_elsewhere, own_host

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

PASS_HEADER = "x-avio-gateway"  # noqa: S105  a name
GATEWAY = "/_aws/execute-api/"
STARTING = {"/_ministack/ready", "/_ministack/settle"}
"""The emulator's own paths that are needed. Others reset it, or show the messages in its queues."""
SIGNED_ADDRESS = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
)
OTHER_CREDENTIALS = {"authorization", "x-amz-security-token", "x-amz-target", "x-amz-date"}
ROOT = re.compile(r"\d{12}", re.ASCII)


def gateway_pass(secret: str) -> str:
    """Return the pass of the front, from which the secret cannot be derived."""
    return _keyed(secret, "gateway")


def starting_pass(secret: str) -> str:
    """Return the pass of the program that starts the emulator."""
    return _keyed(secret, "starting")


class EmulatorGuard:
    """ASGI middleware that refuses requests without a pass or a valid signature."""

    def __init__(self, app: App, secret: str) -> None:
        self._app = app
        self._secret = secret
        self._gateway, self._starting = gateway_pass(secret).encode(), starting_pass(secret).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        elif self._passes(scope):
            scope["headers"] = [(name, value) for name, value in scope["headers"] if name != PASS_HEADER.encode()]
            await self._app(scope, receive, send)
        else:
            await self._signed(scope, receive, send)

    def _passes(self, scope: Scope) -> bool:
        shown = [value for name, value in scope["headers"] if name == PASS_HEADER.encode()]
        if len(shown) != 1:
            return False
        if hmac.compare_digest(shown[0], self._gateway):
            return str(scope["path"]).startswith(GATEWAY)
        return hmac.compare_digest(shown[0], self._starting) and scope["path"] in STARTING

    async def _signed(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = joined(scope["headers"])
        if not own_host(headers) or from_elsewhere(headers):
            await _refuse(send, "The emulator takes requests for 127.0.0.1 and localhost, and none of web pages.")
            return
        if _is_signed_address(scope, headers):
            await self._app(scope, receive, send)
            return
        keys = _secret_of(headers, self._secret)
        body = await _read(receive) if keys else None
        if keys is None or body is None or not _holds(scope, headers, body, keys):
            await _refuse(send, "Sign this request with a key of this system; `make up` keeps them in its state folder.")
        else:
            await self._app(scope, _again(body, receive), send)


def joined(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by lower-case name. Repeated headers are joined by a comma, as signatures need it."""
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return headers


def _secret_of(headers: dict[str, str], root: str) -> str | None:
    """Return the secret key for the access key of a request; None if the access key is unknown."""
    from ministack.core.router import extract_access_key_id
    from ministack.services import sts

    key = extract_access_key_id(headers)
    if ROOT.fullmatch(key):
        return root
    session = sts._sessions.get(key)
    token = headers.get("x-amz-security-token", "")
    if session is None or sts._session_expired(session) or not hmac.compare_digest(token.encode(), session["SessionToken"].encode()):
        return None
    return str(session["SecretAccessKey"])


def _holds(scope: Scope, headers: dict[str, str], body: bytes, secret: str) -> bool:
    """Verify the signature of a request: method, path, query, signed headers, body, and time."""
    from ministack.core.router import extract_access_key_id
    from ministack.core.sigv4 import header_signature_failure, parse_header_signature, request_time_failure

    signature = parse_header_signature(headers)
    if isinstance(signature, tuple) or signature.region_set is not None or request_time_failure(signature):
        return False
    if signature.access_key_id != extract_access_key_id(headers):  # else ministack would attribute the request to another key
        return False
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    query = parse_qs(scope["query_string"].decode("utf-8", "replace"), keep_blank_values=True)
    return header_signature_failure(signature, secret, scope["method"], path, query, headers, body) is None


def _is_signed_address(scope: Scope, headers: dict[str, str]) -> bool:
    """Tell whether a request is for an address of S3 that a role of the stack has signed, and nothing else speaks for it."""
    from ministack.core import sigv4
    from ministack.services import sts

    query = parse_qs(scope["query_string"].decode("utf-8", "replace"), keep_blank_values=True)
    if set(headers) & OTHER_CREDENTIALS or any(len(query.get(name, ())) != 1 for name in SIGNED_ADDRESS):
        return False
    algorithm, credential, date, expires, signed, token, signature = (query[name][0] for name in SIGNED_ADDRESS)
    key, day, region, service, end = [*credential.split("/"), "", "", "", "", ""][:5]
    session = sts._sessions.get(key)
    if (algorithm, service, end) != ("AWS4-HMAC-SHA256", "s3", "aws4_request") or "host" not in signed.split(";"):
        return False
    if session is None or sts._session_expired(session) or not hmac.compare_digest(token.encode(), session["SessionToken"].encode()):
        return False
    try:
        if sigv4.presigned_request_is_expired(date, expires):
            return False
    except (ValueError, TypeError):
        return False
    canonical = sigv4.build_canonical_request(scope["method"], scope["path"], headers, query, signed)
    to_sign = sigv4.build_string_to_sign(date, day, region, service, canonical)
    return bool(sigv4.signatures_match(sigv4.calculate_signature(session["SecretAccessKey"], day, region, service, to_sign), signature))


async def _read(receive: Receive) -> bytes | None:
    """Return the whole body; None if the caller has disconnected."""
    parts, more = [], True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives a body again that was read."""
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def given() -> Any:
        return left.pop() if left else await receive()

    return given


async def _refuse(send: Send, detail: str) -> None:
    body = json.dumps({"ok": False, "error": "forbidden", "detail": detail, "request_id": str(uuid.uuid4())}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def seal_roles(secret: str) -> None:
    """Make the credentials of functions secret. ministack derives them from the names of function and role, which are public."""
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc, sts

    register, execution = sts.register_session, lambda_runtime.execution_credentials

    def register_session(key: str, session: dict[str, Any]) -> None:
        if "Expiration" not in session:  # a function's; those of AssumeRole are random
            session = {**session, **{name: _keyed(secret, session[name]) for name in ("SecretAccessKey", "SessionToken")}}
        register(key, session)

    def execution_credentials(config: dict[str, Any]) -> dict[str, str]:
        given = execution(config)
        if ROOT.fullmatch(given["AWS_ACCESS_KEY_ID"]):  # no roles are enforced
            return {**given, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": ""}
        return {**given, **{name: _keyed(secret, given[name]) for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")}}

    sts.register_session = register_session
    for module in (lambda_runtime, lambda_svc):
        assert module.execution_credentials is execution, "ministack does it otherwise now: see that functions' keys cannot be guessed"
        module.execution_credentials = execution_credentials


def _keyed(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
