"""Maps error codes to HTTP statuses, and builds the body that all errors share (contract G3)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from functions.http.validation_errors import field_problems, in_words
from shared.errors import DETAILS, AvioError, Code
from shared.store.table import StoreUnavailable

STATUS: dict[Code, int] = {
    Code.INVALID_CREDENTIALS: 401,
    Code.FORBIDDEN: 403,
    Code.OUTBOX_DISABLED: 403,
    Code.NOT_WHITELISTED: 403,
    Code.NOT_FOUND: 404,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.INVALID_REQUEST: 422,
    Code.MALFORMED: 400,
    Code.REQUEST_TOO_LARGE: 413,
    Code.UNSUPPORTED_MEDIA_TYPE: 415,
    Code.TENANT_NOT_FOUND: 404,
    Code.INVALID_CALLBACK_URL: 400,
    Code.TOO_MANY_KEYS: 409,
    Code.TOO_MANY_CALLBACKS: 409,
    Code.IDEMPOTENCY_KEY_REUSED: 422,
    Code.REQUEST_IN_PROGRESS: 409,
    Code.ROTATION_PENDING: 409,
    Code.NO_PROVIDER_TOKEN: 404,
    Code.INVALID_QR: 422,
    Code.NO_CALLBACK_URL: 400,
    Code.CALLBACK_FAILED: 400,
    Code.RATE_LIMITED: 429,
    Code.DELIVERY_NOT_FOUND: 404,
    Code.DELIVERY_UNDER_WAY: 409,
    Code.CALLBACK_DISABLED: 409,
    Code.CALLBACK_HEALTHY: 409,
    Code.INVALID_PHONE: 400,
    Code.RECIPIENT_UNSUPPORTED: 400,
    Code.PHONE_NOT_REGISTERED: 400,
    Code.PHONE_BANNED: 403,
    Code.EMAIL_SETUP_REQUIRED: 409,
    Code.INVALID_EMAIL: 400,
    Code.CODE_UNAVAILABLE: 409,
    Code.PAYMENT_REQUIRED: 402,
    Code.TOO_MANY_ATTEMPTS: 429,
    Code.TELEGRAM_APP_REJECTED: 502,
    Code.TWO_FA_REQUIRED: 403,
    Code.INVALID_CODE: 400,
    Code.CODE_EXPIRED: 400,
    Code.BAD_PASSWORD: 401,
    Code.NOT_STARTED: 409,
    Code.NOT_WAITING_2FA: 409,
    Code.QR_NOT_FOUND: 404,
    Code.QR_EXPIRED: 410,
    Code.TG_UNAVAILABLE: 502,
    Code.ALREADY_AUTHORIZED: 409,
    Code.NOT_AUTHORIZED: 401,
    Code.PEER_NOT_FOUND: 400,
    Code.USER_NOT_FOUND: 400,
    Code.MESSAGE_EMPTY: 400,
    Code.MESSAGE_TOO_LONG: 400,
    Code.REPLY_NOT_FOUND: 400,
    Code.MESSAGE_AUTHOR_REQUIRED: 403,
    Code.EDIT_TIME_EXPIRED: 400,
    Code.REACTION_INVALID: 400,
    Code.RECIPIENT_DELETED: 400,
    Code.PROXY_FAILED: 503,
    Code.NO_PROXY: 404,
    Code.INVALID_PROXY: 400,
    Code.INVALID_SESSION: 400,
    Code.SESSION_REVOKED: 400,
    Code.SESSION_IN_USE: 409,
    Code.OTHER_CLIENT_RUNNING: 400,
    Code.PHONE_NOT_IN_CONTACTS: 400,
    Code.PHONE_NOT_ON_TELEGRAM: 400,
    Code.CONTRADICTORY_FIELDS: 400,
    Code.INVITE_LINK: 400,
    Code.INVALID_MARKUP: 400,
    Code.QUOTE_NOT_FOUND: 400,
    Code.MESSAGE_NOT_FOUND: 400,
    Code.SCHEDULE_REFUSED: 400,
    Code.SEND_AS_REFUSED: 400,
    Code.FORWARDS_FORBIDDEN: 403,
    Code.RECIPIENT_IS_BOT: 400,
    Code.BLOCKED_BY_RECIPIENT: 403,
    Code.RECIPIENT_BLOCKED: 403,
    Code.PREMIUM_REQUIRED: 403,
    Code.PAID_MESSAGE: 402,
    Code.TOPIC_CLOSED: 403,
    Code.SLOW_MODE: 429,
    Code.REFUSED_BY_TELEGRAM: 400,
    Code.FORBIDDEN_BY_TELEGRAM: 403,
    Code.PEER_FLOOD: 403,
    Code.ACCOUNT_FROZEN: 403,
    Code.PRIVACY_RESTRICTED: 403,
    Code.WRITE_FORBIDDEN: 403,
    Code.NOT_A_GROUP: 400,
    Code.CONTENT_FORBIDDEN: 403,
    Code.ADMIN_REQUIRED: 403,
    Code.NOT_A_MEMBER: 403,
    Code.PIN_FORBIDDEN: 403,
    Code.POLL_REFUSED: 400,
    Code.ATTACHMENT_REFUSED: 400,
    Code.FLOOD_WAIT: 429,
    Code.OUTCOME_UNKNOWN: 504,
    Code.PARTLY_SENT: 502,
    Code.NOT_SUPPORTED: 400,
    Code.MEDIA_NOT_FOUND: 404,
    Code.MEDIA_EXPIRED: 410,
    Code.MEDIA_SELF_DESTRUCTS: 409,
    Code.MEDIA_HAS_NO_THUMBNAIL: 404,
    Code.ATTACHMENT_UNREACHABLE: 400,
    Code.ATTACHMENT_TOO_LARGE: 400,
    Code.ATTACHMENTS_UNDER_WAY: 503,
    Code.UPLOAD_NOT_FOUND: 400,
    Code.TELEGRAM_UNAVAILABLE: 503,
    Code.TELEGRAM_ERROR: 502,
    Code.TELEGRAM_LAYER_REJECTED: 502,
    Code.UNAVAILABLE: 503,
    Code.NOT_MINE: 503,
    Code.INTERNAL_ERROR: 500,
}
_OF_STATUS = {404: Code.NOT_FOUND, 405: Code.METHOD_NOT_ALLOWED, 413: Code.REQUEST_TOO_LARGE}
_RETRY_AFTER_S = 5
CHALLENGE = 'Bearer realm="Avio"'
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class OtherStatus(AvioError):
    """An error whose status differs from its code's, at one route that the contract spells so."""

    def __init__(self, status: int, error: AvioError) -> None:
        super().__init__(error.code, error.detail, retry_after_s=error.retry_after_s, **error.fields)
        self.status = status


def response(error: AvioError, request_id: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return the HTTP response for an error; `headers` are added to the usual ones."""
    status = error.status if isinstance(error, OtherStatus) else STATUS[error.code]
    all_headers = {"Content-Type": "application/json", **(headers or {})}
    if status in (429, 503):
        seconds = _RETRY_AFTER_S if error.retry_after_s is None else error.retry_after_s
        all_headers["Retry-After"] = str(math.ceil(seconds))
    if status == 401:  # https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1
        all_headers["WWW-Authenticate"] = CHALLENGE
    body = {"ok": False, **error.to_json(), "request_id": request_id}
    if error.detail == DETAILS[Code.INVALID_REQUEST] and error.fields.get("fields"):
        body["detail"] = in_words(error.fields["fields"])
    return Response(json.dumps(body), status, all_headers)  # ASCII, because a field's name may come from the caller


async def avio_error(request: Request, error: Exception) -> Response:
    """Answer an AvioError."""
    assert isinstance(error, AvioError)
    return response(error, request.state.request_id)


async def store_unavailable(request: Request, _: Exception) -> Response:
    """Answer 503 because DynamoDB does not answer."""
    return response(
        AvioError(Code.UNAVAILABLE, "Our storage does not answer right now.", retry_after_s=_RETRY_AFTER_S), request.state.request_id
    )


async def invalid_request(request: Request, error: Exception) -> Response:
    """Answer a schema violation: name the fields, and repeat nothing of their values."""
    assert isinstance(error, RequestValidationError)
    return response(AvioError(Code.INVALID_REQUEST, fields=field_problems(error.errors(), error.body)), request.state.request_id)


async def http_exception(request: Request, error: Exception) -> Response:
    """Answer what Starlette's router refuses: unknown addresses and methods."""
    assert isinstance(error, HTTPException)
    refused = AvioError(_OF_STATUS.get(error.status_code, Code.INVALID_REQUEST))
    headers = {"Allow": ", ".join(allowed(request))} if refused.code is Code.METHOD_NOT_ALLOWED else None
    return response(refused, request.state.request_id, headers)


def allowed(request: Request) -> list[str]:
    """Return the methods that an address supports."""

    def supports(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(route.matches(scope)[0] is Match.FULL for route in request.app.router.routes)

    return [method for method in METHODS if supports("GET" if method == "HEAD" else method)]


HANDLERS = {
    AvioError: avio_error,
    StoreUnavailable: store_unavailable,
    RequestValidationError: invalid_request,
    HTTPException: http_exception,
}
