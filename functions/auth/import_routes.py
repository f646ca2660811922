"""Accounts that come from elsewhere: a session of another library is taken over (contract M6)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from functions.auth.routes import CALLER, TELEGRAM, Flow, Phone, Secret, SignedIn
from functions.http.access import ManageAccess
from functions.http.openapi_responses import errors
from shared.errors import AvioError, Code
from shared.session_strings import MAX_LENGTH, SessionFormat

router = APIRouter(tags=["accounts"])
_importing = (
    Code.INVALID_SESSION,
    Code.SESSION_REVOKED,
    Code.SESSION_IN_USE,
    Code.OTHER_CLIENT_RUNNING,
    Code.ALREADY_AUTHORIZED,
    Code.PHONE_BANNED,
    Code.INVALID_PHONE,
    Code.TELEGRAM_APP_REJECTED,
)


class SessionToImport(BaseModel):
    """A session that another client has used until now."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    session: Annotated[
        Secret,
        Field(min_length=1, max_length=2 * MAX_LENGTH, description="As the library exports it. Kept sealed, never shown."),
    ]
    format: Annotated[
        SessionFormat | None, Field(description="Whose string it is; found out where it is not given. Kurigram's is `pyrogram`.")
    ] = None
    other_client_stopped: Annotated[
        bool,
        Field(description="Must be true: the client that used the session has stopped, for good."),
    ]
    phone: Annotated[Phone | None, Field(description="Where given, the session must belong to this number.")] = None


@router.post("/tenants/{tenant}/auth/import", responses=errors(*CALLER, *TELEGRAM, *_importing))
def import_session(body: SessionToImport, access: ManageAccess, login: Flow) -> SignedIn:
    """Log in with the session of another client: of Telethon, Pyrogram or Kurigram, GramJS, or mtcute.

    The other client must have stopped, for good: Telegram ends a session that sends over two connections at once. Events are delivered
    from now on; nothing from before. A try that fails can be repeated.
    """
    if not body.other_client_stopped:
        raise AvioError(Code.OTHER_CLIENT_RUNNING)
    login.take_over(access.tenant.id, access.account, body.session.get_secret_value(), body.format, body.phone)
    return SignedIn()
