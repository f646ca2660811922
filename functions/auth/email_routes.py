"""The log-in e-mail that Telegram may want to be set up before it sends a code (contract A2)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from functions.auth.routes import CALLER, SENDING_CODES, TELEGRAM, Flow, Secret, SentCode, SignedIn, begun
from functions.http.access import ManageAccess
from functions.http.openapi_responses import errors
from shared.errors import Code

router = APIRouter(tags=["accounts"])
_steps = (Code.INVALID_EMAIL, Code.NOT_STARTED, Code.CODE_EXPIRED, *SENDING_CODES)


class LogInEmail(BaseModel):
    """The address that is to become the account's log-in e-mail."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    email: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=3, max_length=254, pattern=r"^[^@\s]+@[^@\s]+$"),
        Field(description="Log-in codes go there from then on.", examples=["ann@example.org"]),
    ]


class LogInEmailCode(BaseModel):
    """The code that came to that address."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    code: Annotated[Secret, Field(min_length=1, max_length=256, description="Digits, however they are grouped.", examples=["123456"])]


@router.post("/tenants/{tenant}/auth/email", responses=errors(*CALLER, *TELEGRAM, *_steps))
def set_login_email(body: LogInEmail, access: ManageAccess, login: Flow) -> SentCode:
    """Have Telegram send a code to an address that is to become the account's log-in e-mail. After `email_setup_required` only.

    Calling it again sends another code, to the same address or another one.
    """
    return SentCode(**login.set_email(access.tenant.id, access.account, body.email).model_dump())


@router.post("/tenants/{tenant}/auth/email/verify", responses=errors(*CALLER, *TELEGRAM, *_steps, Code.INVALID_CODE))
def verify_login_email(body: LogInEmailCode, access: ManageAccess, login: Flow) -> SentCode | SignedIn:
    """Prove the address by the code that came there. Telegram then sends the log-in code, mostly to the same address: see `auth/verify`."""
    return begun(login.verify_email(access.tenant.id, access.account, body.code.get_secret_value()))
