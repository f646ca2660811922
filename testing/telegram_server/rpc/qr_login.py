"""auth.exportLoginToken, auth.importLoginToken, auth.acceptLoginToken: log-ins by QR code (https://core.telegram.org/api/qr-login)."""

from __future__ import annotations

from typing import Any

from telethon.tl import functions, types

from testing.telegram_server.actions.qr_logins import TokenRefusedError
from testing.telegram_server.model.login_tokens import LoginToken
from testing.telegram_server.rpc.account import authorization
from testing.telegram_server.rpc.call import Call
from testing.telegram_server.rpc.errors import bad_request, unauthorized
from testing.telegram_server.rpc.table import Methods

METHODS = Methods()


@METHODS.serves(functions.auth.ExportLoginTokenRequest, needs_login=False)
def export_login_token(call: Call, request: Any) -> Any:
    """Return a new token, or what came of an earlier one of this key that was accepted."""
    if not request.api_id or not request.api_hash:
        raise bad_request("API_ID_INVALID")
    if call.key.user_id is not None:
        return _success(call)
    if (accepted := call.services.qr_logins.tokens.accepted(call.key)) is not None:
        return _outcome(call, accepted)
    if call.key.pending_user_id is not None:
        raise unauthorized("SESSION_PASSWORD_NEEDED")
    lifetime_s = call.services.settings.login_token_s
    token = call.services.qr_logins.tokens.make(call.key, call.now, lifetime_s, frozenset(request.except_ids))
    return types.auth.LoginToken(token.expires_at, token.value)


@METHODS.serves(functions.auth.ImportLoginTokenRequest, needs_login=False)
def import_login_token(call: Call, request: Any) -> Any:
    try:
        token = call.services.qr_logins.imported(request.token)
    except TokenRefusedError as refused:
        raise bad_request(str(refused)) from refused
    return _outcome(call, token)


@METHODS.serves(functions.auth.AcceptLoginTokenRequest)
def accept_login_token(call: Call, request: Any) -> Any:
    try:
        key = call.services.qr_logins.accept(call.me, request.token, call.key)
    except TokenRefusedError as refused:
        raise bad_request(str(refused)) from refused
    return authorization(call, key)


def _outcome(call: Call, token: LoginToken) -> Any:
    """Log the key in, unless the person lives elsewhere or has a password; a token does this once."""
    person = call.world.people[token.person_id or 0]
    if person.dc != call.key.dc:
        return types.auth.LoginTokenMigrateTo(person.dc, token.value)
    token.used = True
    if person.banned:
        raise unauthorized("USER_DEACTIVATED_BAN")
    if person.password is not None:
        call.services.logins.want_password(call.key, person)
        raise unauthorized("SESSION_PASSWORD_NEEDED")
    call.services.logins.log_in(call.key, person)
    return _success(call)


def _success(call: Call) -> Any:
    return types.auth.LoginTokenSuccess(types.auth.Authorization(call.services.people.user(call.key, call.me)))
