"""Setting up the e-mail that log-in codes go to (https://core.telegram.org/api/auth#email-verification)."""

from __future__ import annotations

import re
from typing import Any

from telethon.tl import functions, types

from testing.telegram_server.model.login import Login
from testing.telegram_server.rpc.auth import emailed_code, hidden, login_of, sent_code
from testing.telegram_server.rpc.call import Call
from testing.telegram_server.rpc.errors import bad_request
from testing.telegram_server.rpc.table import Methods

METHODS = Methods()
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@METHODS.serves(functions.account.SendVerifyEmailCodeRequest, needs_login=False)
def send_verify_email_code(call: Call, request: Any) -> Any:
    login = _waiting(call, request.purpose, over="PHONE_HASH_EXPIRED")
    if not _ADDRESS.fullmatch(request.email):
        raise bad_request("EMAIL_INVALID")
    login = call.services.logins.send_by_email(login, request.email)
    return types.account.SentEmailCode(hidden(request.email), len(login.code))


@METHODS.serves(functions.account.VerifyEmailRequest, needs_login=False)
def verify_email(call: Call, request: Any) -> Any:
    """A right code makes the address the log-in e-mail, and a log-in code goes there at once, under a new hash."""
    login = _waiting(call, request.purpose, over="PHONE_CODE_EXPIRED")
    if login.email is None:
        raise bad_request("EMAIL_VERIFY_EXPIRED")
    if call.services.logins.check(login, emailed_code(request.verification) or "") != "right":
        raise bad_request("CODE_INVALID")
    person = call.world.by_phone[login.phone]
    person.login_email = login.email
    call.world.save_person(person)
    return types.account.EmailVerifiedLogin(login.email, sent_code(call, call.services.logins.send_code(call.key, login.phone)))


def _waiting(call: Call, purpose: Any, *, over: str) -> Login:
    """Return the log-in that waits for an e-mail."""
    if not isinstance(purpose, types.EmailVerifyPurposeLoginSetup):
        raise bad_request("EMAIL_NOT_SETUP")
    login = login_of(call, purpose, over=over)
    if login.delivery != "set_up_email":
        raise bad_request(over)
    return login
