"""The log-in of a provider's WhatsApp session from a front end: the QR code as the provider has posted it last (contract Q6).

A code comes from elsewhere. Only images that just draw are kept (svg.py), and they are served with a policy under which no script runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from functions.http.access import AllowsPublic
from functions.http.authenticator import Access
from functions.http.base_url import BaseUrl
from functions.http.dependencies import provided
from functions.http.errors import OtherStatus
from functions.http.openapi_responses import REQUEST_ID, errors
from functions.http.public_throttle import PublicThrottle
from functions.providers.provider_events import ProviderEvents
from shared.errors import AvioError, Code
from shared.model.ids import Channel, TenantId
from shared.store import keys
from shared.store.provider_sessions import ProviderSession, session_of

router = APIRouter(tags=["public"])
IMAGE = "/pub/wa/qr.svg"
SAFE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_CALLER = (Code.INVALID_CREDENTIALS, Code.FORBIDDEN, Code.TENANT_NOT_FOUND, Code.RATE_LIMITED)
_SVG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/svg+xml": {"schema": {"type": "string"}}}, "description": "The code as SVG.", "headers": REQUEST_ID}
}
Throttled = Annotated[PublicThrottle, provided(PublicThrottle)]
Events = Annotated[ProviderEvents, provided(ProviderEvents)]
LinksBegin = Annotated[BaseUrl, provided(BaseUrl)]


def session_rows(tenant_id: TenantId) -> Sequence[keys.Key]:
    """Name the row that is read with the tenant."""
    return (keys.provider_session(tenant_id, Channel.WHATSAPP),)


def _polled(request: Request, access: Annotated[Access, Depends(AllowsPublic(beside=session_rows))], throttle: Throttled) -> Access:
    throttle.poll(access.tenant.id, request.client.host if request.client else "")
    return access


PolledSession = Annotated[Access, Depends(_polled)]


class WhatsAppState(StrEnum):
    """The stages of a log-in. In `failed` the provider shows no code that is still good: it has to begin anew."""

    NEED_QR = "need_qr"
    AUTHORIZED = "authorized"
    FAILED = "failed"


class WhatsAppStart(BaseModel):
    """The present QR code."""

    qr_id: str
    expires_at: datetime
    state: WhatsAppState
    qr_url: str


class WhatsAppStatus(BaseModel):
    """How the log-in is doing, with the present code while it waits for a scan."""

    state: WhatsAppState
    authorized: bool
    needs_2fa: bool
    qr_id: str | None
    qr_url: str | None
    expires_at: datetime | None


@router.get("/pub/wa/status", responses=errors(*_CALLER))
def get_whatsapp_status(request: Request, access: PolledSession, events: Events, links: LinksBegin) -> WhatsAppStatus:
    """Tell how the log-in is doing, as the provider has said last."""
    session, state = _session(access, events)
    shown = session if state is WhatsAppState.NEED_QR else ProviderSession()
    return WhatsAppStatus(
        state=state,
        authorized=state is WhatsAppState.AUTHORIZED,
        needs_2fa=False,
        qr_id=shown.qr_id,
        qr_url=_image_at(links.of(request), access, shown),
        expires_at=shown.qr_until,
    )


@router.post("/pub/wa/start", responses=errors(*_CALLER, Code.ALREADY_AUTHORIZED, Code.QR_EXPIRED))
def start_whatsapp_login(request: Request, access: PolledSession, events: Events, links: LinksBegin) -> WhatsAppStart:
    """Return the code that the provider shows. 502 `qr_expired` if it shows none: the provider's software has to begin anew."""
    session, state = _session(access, events)
    if state is WhatsAppState.AUTHORIZED:
        raise AvioError(Code.ALREADY_AUTHORIZED)
    url = _image_at(links.of(request), access, session)
    if state is WhatsAppState.FAILED or session.qr_id is None or session.qr_until is None or url is None:
        raise OtherStatus(502, AvioError(Code.QR_EXPIRED, "The provider shows no code that is still good. Have its software begin anew."))
    return WhatsAppStart(qr_id=session.qr_id, expires_at=session.qr_until, state=state, qr_url=url)


@router.get(IMAGE, response_class=Response, responses={**errors(*_CALLER, Code.QR_NOT_FOUND, Code.QR_EXPIRED), **_SVG})
def get_whatsapp_qr(
    access: PolledSession,
    events: Events,
    qr_id: Annotated[str | None, Query(min_length=1, max_length=128, description="A code's `qr_id`; the last one without it.")] = None,
) -> Response:
    """Return a code as SVG."""
    session, _ = _session(access, events)
    wanted = qr_id or session.qr_id
    svg = events.svg(access.tenant.id, wanted) if wanted else None
    if svg is None:
        raise AvioError(Code.QR_EXPIRED if wanted and wanted == session.qr_id else Code.QR_NOT_FOUND)
    return Response(svg.encode(), media_type="image/svg+xml; charset=utf-8", headers=SAFE)


def _session(access: Access, events: ProviderEvents) -> tuple[ProviderSession, WhatsAppState]:
    row = access.rows.get(keys.provider_session(access.tenant.id, Channel.WHATSAPP)["sk"])
    session = session_of(row) if row else ProviderSession()
    if session.ready_at:
        return session, WhatsAppState.AUTHORIZED
    fresh = session.qr_until is not None and session.qr_until > events.clock.now()
    return session, WhatsAppState.NEED_QR if fresh else WhatsAppState.FAILED


def _image_at(base: str, access: Access, session: ProviderSession) -> str | None:
    if session.qr_id is None:
        return None
    return f"{base}{IMAGE}?{urlencode({'tenant': access.tenant.number, 'qr_id': session.qr_id, 'k': access.caller.credential})}"
