"""Log-in by QR code from a front end, in the historical spelling: the key in `?k=`, the tenant in query or body (contract Q1 to Q5).

The routes under tenants' keys (qr_routes.py, routes.py) are their successors. Codes and states are the second seed's: `tg_unavailable` for
all that keeps the account from Telegram, and `failed` for all states in which only a start helps.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr

from functions.auth import public_notices, qr_images
from functions.auth.public_notices import PublicNotices
from functions.auth.qr_login import QrStatus, out_of_reach, qr_rows
from functions.auth.qr_routes import PNG, Addresses, QrLogIns
from functions.auth.routes import Flow, Secret
from functions.http.access import AllowsPublic
from functions.http.act_service import add_headers
from functions.http.authenticator import Access
from functions.http.dependencies import provided
from functions.http.errors import OtherStatus
from functions.http.openapi_responses import errors
from functions.http.public_throttle import PublicThrottle
from shared.errors import AvioError, Code
from shared.model.account import AccountState
from shared.model.states import Reason

router = APIRouter(tags=["public"])
START, STATUS, IMAGE, PASSWORD = (f"/pub/tg/{name}" for name in ("start", "status", "qr.png", "2fa"))
SUCCESSORS = {START: "auth/qr", STATUS: "auth/qr", IMAGE: "auth/qr.png", PASSWORD: "auth/verify"}
_CALLER = (Code.INVALID_CREDENTIALS, Code.FORBIDDEN, Code.TENANT_NOT_FOUND, Code.RATE_LIMITED)
_AWAY = {
    *(Code.TELEGRAM_UNAVAILABLE, Code.TELEGRAM_ERROR, Code.PROXY_FAILED, Code.UNAVAILABLE),
    *(Code.NOT_MINE, Code.NOT_SUPPORTED, Code.OUTCOME_UNKNOWN),
}
Throttle = Annotated[PublicThrottle, provided(PublicThrottle)]
Notices = Annotated[PublicNotices, provided(PublicNotices)]


def _told(request: Request, notices: Notices, addresses: Addresses) -> None:
    """Tell of the deprecation, refused callers too."""
    path, base = request.scope["route"].path_format, addresses.of(request)
    add_headers(request, public_notices.headers(f"{base}/docs", f"{base}/tenants/%7Btenant%7D/{SUCCESSORS[path]}"))
    notices.served(path, SUCCESSORS[path])


def _polled(request: Request, access: Annotated[Access, Depends(AllowsPublic(beside=qr_rows))], throttle: Throttle) -> Access:
    throttle.poll(access.tenant.id, _address(request))
    return access


def _acted(request: Request, access: Annotated[Access, Depends(AllowsPublic(beside=qr_rows))], throttle: Throttle) -> Access:
    throttle.act(access.tenant.id, _address(request))
    return access


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


TOLD = [Depends(_told)]
Polled = Annotated[Access, Depends(_polled)]
Acted = Annotated[Access, Depends(_acted)]
NamedInBody = Annotated[Access, Depends(AllowsPublic(in_body=True))]


class PublicState(StrEnum):
    """The stages of a log-in. After `failed` a start begins anew; `reason` says why, `not_started` before the first start."""

    NEED_QR = "need_qr"
    NEED_2FA = "need_2fa"
    AUTHORIZED = "authorized"
    FAILED = "failed"


class PublicStart(BaseModel):
    """A log-in by QR code. In `need_2fa` a scan was accepted before, and there is no code."""

    qr_id: str | None
    expires_at: datetime | None
    state: PublicState
    qr_url: Annotated[str | None, Field(description="The code as PNG, with the caller's key: for an image in a page.")]


class PublicStatus(BaseModel):
    """How the log-in is doing, with the present code while it waits for a scan."""

    state: PublicState
    authorized: bool
    needs_2fa: bool
    qr_id: str | None
    qr_url: str | None
    expires_at: datetime | None
    reason: Reason
    last_error: str | None
    codes_issued: Annotated[int, Field(description="How many codes this log-in has had.")]
    expires_in_seconds: Annotated[int | None, Field(description="Until the present code expires.")]
    ends_in_seconds: Annotated[int | None, Field(description="Until the log-in ends, if nobody scans a code.")]


class PublicPassword(BaseModel):
    """The password of two-step verification, and the tenant, by its number or id."""

    model_config = ConfigDict(extra="forbid")

    tenant: Annotated[StrictInt | Annotated[StrictStr, Field(min_length=1)], Field(examples=[1])]
    password: Annotated[Secret, Field(min_length=1, max_length=1024)]


class PublicSignedIn(BaseModel):
    """The account is logged in."""

    ok: Literal[True] = True
    state: Literal[PublicState.AUTHORIZED] = PublicState.AUTHORIZED
    authorized: Literal[True] = True


_starting = (Code.ALREADY_AUTHORIZED, Code.TELEGRAM_APP_REJECTED, Code.FLOOD_WAIT, Code.TG_UNAVAILABLE)
_password = (Code.BAD_PASSWORD, Code.NOT_WAITING_2FA, Code.TOO_MANY_ATTEMPTS, Code.PHONE_BANNED, Code.FLOOD_WAIT, Code.TG_UNAVAILABLE)
QrIdWanted = Annotated[str, Query(min_length=1, max_length=64, description="A code's `qr_id`, from start or status.")]


@router.get(START, deprecated=True, dependencies=TOLD, responses=errors(*_CALLER, *_starting))
def start_public_login(request: Request, access: Acted, login: QrLogIns, addresses: Addresses) -> PublicStart:
    """Begin a log-in by QR code, or return the one that is under way."""
    try:
        with _in_its_words():
            found = login.start(access)
    except AvioError as error:
        raise _expired(error) from error
    if found.state is AccountState.NEED_QR and (found.expires_at is None or found.expires_at <= login.clock.now()):
        raise _expired(AvioError(Code.QR_EXPIRED))
    return PublicStart(
        qr_id=found.qr_id, expires_at=found.expires_at, state=_stage(found), qr_url=_image_at(addresses.of(request), access, found)
    )


@router.get(STATUS, deprecated=True, dependencies=TOLD, responses=errors(*_CALLER, Code.TG_UNAVAILABLE))
def get_public_status(request: Request, access: Polled, login: QrLogIns, addresses: Addresses) -> PublicStatus:
    """Tell how the log-in is doing. Telegram is not asked; ask every second or two until the state is another."""
    found, now = login.status(access), login.clock.now()
    if out_of_reach(found):
        raise AvioError(Code.TG_UNAVAILABLE)
    return PublicStatus(
        state=_stage(found),
        authorized=found.state.logged_in,
        needs_2fa=found.state is AccountState.NEED_2FA,
        qr_id=found.qr_id,
        qr_url=_image_at(addresses.of(request), access, found),
        expires_at=found.expires_at,
        reason=found.reason,
        last_error=found.last_error,
        codes_issued=found.issued,
        expires_in_seconds=_seconds_until(found.expires_at, now),
        ends_in_seconds=_seconds_until(found.ends_at, now),
    )


@router.get(
    IMAGE,
    deprecated=True,
    dependencies=TOLD,
    response_class=Response,
    responses={**errors(*_CALLER, Code.QR_NOT_FOUND, Code.QR_EXPIRED, Code.TG_UNAVAILABLE), **PNG},
)
def get_public_qr_png(access: Polled, login: QrLogIns, qr_id: QrIdWanted) -> Response:
    """Return a code as PNG."""
    with _in_its_words():
        link = login.link(access, qr_id)
    return Response(qr_images.png(link), media_type="image/png", headers=qr_images.NEVER_KEPT)


@router.post(PASSWORD, deprecated=True, dependencies=TOLD, responses=errors(*_CALLER, *_password))
def give_public_password(request: Request, body: PublicPassword, access: NamedInBody, login: Flow, throttle: Throttle) -> PublicSignedIn:
    """Give the password of two-step verification, in the state `need_2fa`."""
    throttle.act(access.tenant.id, _address(request))
    with _in_its_words():
        login.give_password(access.tenant.id, access.account, body.password.get_secret_value())
    return PublicSignedIn()


@contextmanager
def _in_its_words() -> Iterator[None]:
    """Raise whatever keeps an account from Telegram as `tg_unavailable`."""
    try:
        yield
    except AvioError as error:
        if error.code not in _AWAY:
            raise
        raise AvioError(Code.TG_UNAVAILABLE, error.detail) from error


def _expired(error: AvioError) -> AvioError:
    """Return the error of a start: one that brought no code that is still good is 502, and not an image's 410."""
    return OtherStatus(502, error) if error.code is Code.QR_EXPIRED else error


def _stage(status: QrStatus) -> PublicState:
    match status.state:
        case AccountState.NEED_QR:
            return PublicState.NEED_QR
        case AccountState.NEED_2FA:
            return PublicState.NEED_2FA
        case state:
            return PublicState.AUTHORIZED if state.logged_in else PublicState.FAILED


def _image_at(base: str, access: Access, status: QrStatus) -> str | None:
    if status.qr_id is None:
        return None
    query = {"tenant": access.tenant.number, "qr_id": status.qr_id, "k": access.caller.credential}
    return f"{base}{IMAGE}?{urlencode(query)}"


def _seconds_until(at: datetime | None, now: datetime) -> int | None:
    return None if at is None else max(0, round((at - now).total_seconds()))
