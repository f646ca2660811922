"""Accounts by phone: status, log-in, log-out (contract A1, A2, A3)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from functions.auth.login import LogIn
from functions.auth.status import Stale, Status
from functions.http.access import ManageAccess, ReadAccess
from functions.http.dependencies import provided
from functions.http.openapi_responses import errors, never_null
from shared.errors import AvioError, Code
from shared.model.account import AccountState
from shared.model.states import Reason
from shared.rpc import log_in

router = APIRouter(tags=["accounts"])
Phone = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=64),
    Field(
        description="In international form; spaces, dashes and brackets do not matter.",
        examples=["+79001234567"],
        json_schema_extra={"pattern": "\\S"},
    ),
]


def _text(secret: SecretStr) -> SecretStr:
    """Refuse half a surrogate pair, which JSON can spell and nothing can encode; pydantic lets it pass in secrets."""
    if any("\ud800" <= character <= "\udfff" for character in secret.get_secret_value()):
        raise ValueError("This holds half of a surrogate pair, which is no text.")
    return secret


Secret = Annotated[SecretStr, AfterValidator(_text)]


class Phoned(BaseModel):
    """Whose log-in is to begin."""

    model_config = ConfigDict(extra="forbid")

    phone: Phone


def _one_of_the_two(schema: dict[str, Any]) -> None:
    """Say what is wanted by two whole objects: generators of code make nothing good of a condition beside an object.

    One has the phone and the code, the other the password without a code.
    """
    named, branches, without_code = {key: schema.pop(key) for key in ("title", "description")}, [], {**schema["properties"]}
    del without_code["code"]
    for required, properties in ((["phone", "code"], schema["properties"]), (["password"], without_code)):
        wanted = {name: {**properties[name]} for name in required}
        for one in wanted.values():
            never_null(one)
        branches.append({**schema, "required": required, "properties": {**properties, **wanted}})
    schema.clear()
    schema.update({**named, "anyOf": branches})


class Verification(BaseModel):
    """The code that Telegram sent, the password of two-step verification, or both. A log-in by QR code has no `phone`."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_one_of_the_two)

    phone: Annotated[Phone | None, Field(description="Of the log-in under way; needed with a code.")] = None
    code: Annotated[
        Secret | None,
        Field(
            min_length=1,
            max_length=256,
            description="Digits, however they are grouped; or the word or phrase that came by SMS.",
            examples=["12345"],
        ),
    ] = None
    password: Annotated[Secret | None, Field(min_length=1, max_length=1024, description="Taken as it is: never trimmed.")] = None


class StatusView(BaseModel):
    """How an account is doing: what is stored, and what the worker that holds it says of this moment."""

    authorized: Annotated[bool, Field(description="Whether it is logged in: it receives, and sends unless its state says otherwise.")]
    state: AccountState
    reason: Annotated[Reason, Field(description="Why it is in this state.")]
    next_step: Annotated[str, Field(description="What people do next, in a sentence.")]
    phone: str | None = None
    last_error: Annotated[str | None, Field(description="The code of what went wrong last; null once that is over.")] = None
    owner: Annotated[bool, Field(description="Whether a live worker holds it, and answers.")]
    connected: Annotated[bool | None, Field(description="Whether it is connected to Telegram; null where no worker has answered.")] = None
    connected_since: datetime | None = None
    synced_at: Annotated[
        datetime | None, Field(description="When Telegram last confirmed that nothing is missing; null where no worker has answered.")
    ] = None
    last_event_at: Annotated[
        datetime | None, Field(description="When the last event came, as its worker tells; null where no worker has answered.")
    ] = None
    stale: Annotated[
        bool,
        Field(
            description="Whether what it receives may be late: it is logged in, but no worker holds it or answers, or it has not been"
            " connected for a minute, or Telegram has not confirmed for 15 minutes that nothing is missing."
        ),
    ]
    stale_reason: Annotated[Stale | None, Field(description="Which of these it is.")] = None
    restricted_until: Annotated[
        datetime | None,
        Field(description="Until when cold sends are refused. Telegram names no time: 24 hours from its last refusal, a guess."),
    ] = None
    frozen_until: Annotated[
        datetime | None, Field(description="When Telegram deletes the frozen account, unless an appeal has succeeded by then.")
    ] = None
    appeal_url: Annotated[str | None, Field(description="Where to appeal against the freeze, in the account's own app.")] = None


class SentCode(BaseModel):
    """How the code travels: it has `length` characters; after `resend_after_seconds` another way, `next_type`, can be asked for."""

    delivery: Annotated[
        str,
        Field(
            examples=["app", "sms", "call", "email", "fragment", "firebase"],
            description="`app`: a message in the person's Telegram apps. `firebase`: an SMS that only official apps get, so ask for"
            " `next_type`.",
        ),
    ]
    length: int | None = None
    next_type: str | None = None
    resend_after_seconds: int | None = None
    form: Annotated[
        Literal["digits", "word", "phrase", "caller_number", "caller_digits"],
        Field(
            description="What the code is. Words and phrases come by SMS. `caller_number`: the number that calls; `caller_digits`: its last"
            " `length` digits."
        ),
    ] = "digits"
    beginning: Annotated[
        str | None, Field(description="How the word, the phrase or the number that calls begins, if Telegram says so.")
    ] = None
    pattern: Annotated[str | None, Field(description="With `caller_number`: the pattern of the number that calls.")] = None
    url: Annotated[str | None, Field(description="With `fragment`: the page that shows the code.")] = None
    email_pattern: Annotated[
        str | None, Field(description="With `email`: the address, most of it hidden.", examples=["a***z@example.org"])
    ] = None


class SignedIn(BaseModel):
    """The account is logged in; its events are delivered from now on."""

    authorized: Literal[True] = True
    state: Literal[AccountState.AUTHORIZED] = AccountState.AUTHORIZED


class StateView(BaseModel):
    """Where the account is now."""

    state: AccountState


Flow = Annotated[LogIn, provided(LogIn)]
Statuses = Annotated[Status, provided(Status)]
CALLER = (Code.INVALID_CREDENTIALS, Code.FORBIDDEN, Code.TENANT_NOT_FOUND)
TELEGRAM = (
    Code.FLOOD_WAIT,
    Code.TELEGRAM_UNAVAILABLE,
    Code.TELEGRAM_ERROR,
    Code.TELEGRAM_LAYER_REJECTED,
    Code.OUTCOME_UNKNOWN,
    Code.REFUSED_BY_TELEGRAM,
    Code.NOT_SUPPORTED,
)
SENDING_CODES = (
    Code.INVALID_PHONE,
    Code.PHONE_NOT_REGISTERED,
    Code.PHONE_BANNED,
    Code.EMAIL_SETUP_REQUIRED,
    Code.CODE_UNAVAILABLE,
    Code.PAYMENT_REQUIRED,
    Code.TOO_MANY_ATTEMPTS,
    Code.TELEGRAM_APP_REJECTED,
    Code.ALREADY_AUTHORIZED,
    Code.TWO_FA_REQUIRED,
)
_verifying = (
    Code.INVALID_PHONE,
    Code.NOT_STARTED,
    Code.NOT_WAITING_2FA,
    Code.ALREADY_AUTHORIZED,
    Code.INVALID_CODE,
    Code.CODE_EXPIRED,
    Code.TWO_FA_REQUIRED,
    Code.BAD_PASSWORD,
    Code.EMAIL_SETUP_REQUIRED,
    Code.TOO_MANY_ATTEMPTS,
    Code.PHONE_NOT_REGISTERED,
    Code.PHONE_BANNED,
)
_accepted: dict[int | str, dict[str, Any]] = {
    202: {"model": StateView, "description": "Telegram could not be told yet; nothing is served any more."}
}


@router.get("/tenants/{tenant}/status", responses=errors(*CALLER))
def get_status(access: ReadAccess, status: Statuses) -> StatusView:
    """Tell how the account is doing: from what is stored, and from the worker that holds it. Telegram is not asked."""
    return StatusView(**status.of(access.account))


@router.post("/tenants/{tenant}/auth/start", responses=errors(*CALLER, *TELEGRAM, *SENDING_CODES))
def start_login(body: Phoned, access: ManageAccess, login: Flow) -> SentCode | SignedIn:
    """Have Telegram send a log-in code. Starting again before a resend is due returns the flow that is under way.

    Telegram may want a log-in e-mail to be set up first: `email_setup_required`. Then call `auth/email` and `auth/email/verify`.
    It may want the password of two-step verification without a code: `2fa_required`. Then call `auth/verify` with the password.
    Telegram may ask for no code and log the account in at once: then the answer is that of verify.
    """
    return begun(login.start(access.tenant.id, access.account, body.phone))


@router.post("/tenants/{tenant}/auth/resend", responses=errors(*CALLER, *TELEGRAM, *SENDING_CODES, Code.NOT_STARTED))
def resend_code(access: ManageAccess, login: Flow) -> SentCode | SignedIn:
    """Have Telegram send the code again, by the way that `next_type` named."""
    return begun(login.resend(access.tenant.id, access.account))


@router.post("/tenants/{tenant}/auth/cancel", responses=errors(*CALLER, *TELEGRAM, Code.NOT_STARTED, Code.ALREADY_AUTHORIZED))
def cancel_login(access: ManageAccess, login: Flow) -> StateView:
    """Give the log-in up; the code that was sent is worth nothing any more."""
    return StateView(state=login.cancel(access.tenant.id, access.account).state)


@router.post("/tenants/{tenant}/auth/verify", responses=errors(*CALLER, *TELEGRAM, *_verifying))
def verify_login(body: Verification, access: ManageAccess, login: Flow) -> SignedIn:
    """Sign in with the code. With two-step verification: with code and password, or once the code was accepted, the password alone.

    A wrong password never spoils the code.
    """
    if body.code is None and body.password is None:
        raise AvioError(Code.INVALID_REQUEST, fields=[{"field": "body.code", "problem": "Give the code, the password, or both."}])
    if body.phone is None:
        if body.code is not None or body.password is None:
            raise AvioError(
                Code.INVALID_REQUEST, fields=[{"field": "body.phone", "problem": "A code needs the phone that it was sent to."}]
            )
        login.give_password(access.tenant.id, access.account, body.password.get_secret_value())
        return SignedIn()
    login.verify(access.tenant.id, access.account, body.phone, _clear(body.code), _clear(body.password))
    return SignedIn()


@router.post("/tenants/{tenant}/logout", responses={**errors(*CALLER), **_accepted})
def logout(access: ManageAccess, login: Flow, response: Response) -> StateView:
    """Log out at Telegram and erase the session. Logging out what is not logged in is no error.

    202 `logging_out`: it is decided, but Telegram or the account's worker cannot be reached. It is tried for 24 hours, then the session
    is erased.
    """
    state = login.logout(access.tenant.id, access.account)
    if state is AccountState.LOGGING_OUT:
        response.status_code = 202
    return StateView(state=state)


def begun(answer: log_in.LogInCode | log_in.StateReached) -> SentCode | SignedIn:
    """Return how the code was sent, or that Telegram wants none."""
    return SentCode(**answer.model_dump()) if isinstance(answer, log_in.LogInCode) else SignedIn()


def _clear(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
