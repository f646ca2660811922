"""Logging in by QR code, under a tenant's keys (contract Q7)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from functions.auth import qr_images
from functions.auth.qr_login import QrLogIn, QrStatus, qr_rows
from functions.auth.routes import CALLER, TELEGRAM
from functions.http.access import in_tenant
from functions.http.authenticator import Access
from functions.http.base_url import BaseUrl
from functions.http.dependencies import provided
from functions.http.openapi_responses import errors
from shared.errors import Code
from shared.model.account import AccountState
from shared.model.states import NEXT_STEPS, Reason
from shared.model.tenant import Scope

router = APIRouter(tags=["accounts"])
QrAccess = Annotated[Access, in_tenant(Scope.MANAGE, qr_rows)]
QrLogIns = Annotated[QrLogIn, provided(QrLogIn)]
Addresses = Annotated[BaseUrl, provided(BaseUrl)]
QrId = Annotated[str | None, Query(max_length=64, description="A code's `qr_id`; left out, the present code is meant.")]
IMAGE = (Code.QR_NOT_FOUND, Code.QR_EXPIRED)


class QrView(BaseModel):
    """A log-in by QR code. While it waits for a scan, `qr_id` and what belongs to it are the present code's: a code is good for half a
    minute, and is renewed as long as somebody asks, for five minutes at most.
    """

    state: AccountState
    reason: Reason
    next_step: Annotated[str, Field(description="What people do next, in a sentence.")]
    authorized: bool
    needs_2fa: bool
    qr_id: str | None = None
    link: Annotated[str | None, Field(description="What the code says, to draw it yourself.", examples=["tg://login?token=AQL…"])] = None
    qr_url: Annotated[str | None, Field(description="The address of the code as PNG, for callers with a key.")] = None
    svg_url: Annotated[str | None, Field(description="The same as SVG.")] = None
    expires_at: Annotated[datetime | None, Field(description="When this code expires; ask for the next one then.")] = None
    ends_at: Annotated[datetime | None, Field(description="When the log-in ends, if nobody scans a code.")] = None
    codes_issued: Annotated[int, Field(description="How many codes this log-in has had.")] = 0


def image_response(kind: str, says: str) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that answers an image."""
    return {200: {"description": says, "content": {kind: {"schema": {"type": "string", "format": "binary"}}}}}


PNG, SVG = image_response("image/png", "The code as PNG."), image_response("image/svg+xml", "The code as SVG.")


@router.post("/tenants/{tenant}/auth/qr", responses=errors(*CALLER, *TELEGRAM, Code.ALREADY_AUTHORIZED, Code.TELEGRAM_APP_REJECTED))
def start_qr_login(request: Request, access: QrAccess, login: QrLogIns, addresses: Addresses) -> QrView:
    """Begin a log-in by QR code, or return the one that is under way. It ends a log-in by phone that is not complete.

    Show the code, and ask `GET .../auth/qr` every few seconds: for the next code, until the state is another. With `need_2fa` give the
    password: `POST .../auth/verify {password}`.
    """
    return _view(login.start(access), access, addresses.of(request))


@router.get("/tenants/{tenant}/auth/qr", responses=errors(*CALLER))
def get_qr_login(request: Request, access: QrAccess, login: QrLogIns, addresses: Addresses) -> QrView:
    """Tell how the log-in by QR code is doing, with the present code. Telegram is not asked; ask as often as every second."""
    return _view(login.status(access), access, addresses.of(request))


@router.get(
    "/tenants/{tenant}/auth/qr.png", response_class=Response, responses={**errors(*CALLER, *IMAGE, Code.TELEGRAM_UNAVAILABLE), **PNG}
)
def get_qr_png(access: QrAccess, login: QrLogIns, qr_id: QrId = None) -> Response:
    """Return the code as PNG."""
    return Response(qr_images.png(login.link(access, qr_id)), media_type="image/png", headers=qr_images.NEVER_KEPT)


@router.get(
    "/tenants/{tenant}/auth/qr.svg", response_class=Response, responses={**errors(*CALLER, *IMAGE, Code.TELEGRAM_UNAVAILABLE), **SVG}
)
def get_qr_svg(access: QrAccess, login: QrLogIns, qr_id: QrId = None) -> Response:
    """Return the code as SVG."""
    return Response(qr_images.svg(login.link(access, qr_id)), media_type="image/svg+xml", headers=qr_images.NEVER_KEPT)


def _view(status: QrStatus, access: Access, base: str) -> QrView:
    at = f"{base}/tenants/{access.tenant.id}/auth/qr"
    return QrView(
        state=status.state,
        reason=status.reason,
        next_step=NEXT_STEPS[status.reason],
        authorized=status.state.logged_in,
        needs_2fa=status.state is AccountState.NEED_2FA,
        qr_id=status.qr_id,
        link=status.link,
        qr_url=status.qr_id and f"{at}.png?qr_id={status.qr_id}",
        svg_url=status.qr_id and f"{at}.svg?qr_id={status.qr_id}",
        expires_at=status.expires_at,
        ends_at=status.ends_at,
        codes_issued=status.issued,
    )
