"""account.*: the password, and the list of authorisations (https://core.telegram.org/method/account.getAuthorizations)."""

from __future__ import annotations

import os
from typing import Any

from telethon.tl import functions, types

from testing.telegram_server.model.key import Key
from testing.telegram_server.model.password import new_algorithm
from testing.telegram_server.rpc.call import Call
from testing.telegram_server.rpc.data_centres import check_home
from testing.telegram_server.rpc.errors import bad_request, unauthorized
from testing.telegram_server.rpc.table import Methods

METHODS = Methods()


@METHODS.serves(functions.account.GetPasswordRequest, needs_login=False)
def get_password(call: Call, request: Any) -> Any:
    """Answer those who are logged in, and those whose code was right and whose password is still missing."""
    person = call.world.person(call.key.user_id or call.key.pending_user_id or 0)
    if person is None:
        raise unauthorized()
    check_home(call, person)
    verifier = person.password
    asked = call.services.challenges.ask(call.key, verifier) if verifier is not None else None
    return types.account.Password(
        new_algo=new_algorithm(),
        new_secure_algo=types.SecurePasswordKdfAlgoPBKDF2HMACSHA512iter100000(os.urandom(8)),
        secure_random=os.urandom(256),
        has_password=verifier is not None,
        current_algo=verifier.algorithm() if verifier is not None else None,
        srp_B=asked.public if asked else None,
        srp_id=asked.srp_id if asked else None,
        hint=verifier.hint or None if verifier is not None else None,
    )


@METHODS.serves(functions.account.GetAuthorizationsRequest)
def get_authorizations(call: Call, request: Any) -> Any:
    keys = call.world.keys.of(call.me.id)
    return types.account.Authorizations(180, [authorization(call, key) for key in keys])


@METHODS.serves(functions.account.ResetAuthorizationRequest)
def reset_authorization(call: Call, request: Any) -> Any:
    """End another authorisation; hash 0 means the own one, which auth.logOut is for."""
    found = [key for key in call.world.keys.of(call.me.id) if _shown_hash(call, key) == request.hash and key is not call.key]
    if not found:
        raise bad_request("HASH_INVALID")
    call.services.logins.end(found[0])
    return True


@METHODS.serves(functions.account.UpdateStatusRequest)
def update_status(call: Call, request: Any) -> Any:
    return True


@METHODS.serves(functions.account.UpdateUsernameRequest)
def update_username(call: Call, request: Any) -> Any:
    taken = call.world.by_username.get(request.username.lower())
    if taken is not None:
        raise bad_request("USERNAME_NOT_MODIFIED" if taken is call.me else "USERNAME_OCCUPIED")
    call.world.rename(call.me, request.username or None)
    return call.services.people.user(call.key, call.me)


def _shown_hash(call: Call, key: Key) -> int:
    return 0 if key is call.key else key.authorization_hash


def authorization(call: Call, key: Key) -> Any:
    """Return what a person is shown of a log-in."""
    device = key.device
    connections = call.services.hub.of_key(key)
    return types.Authorization(
        hash=_shown_hash(call, key),
        current=key is call.key,
        device_model=device.model if device else "",
        platform="",
        system_version=device.system if device else "",
        api_id=device.api_id if device else 0,
        app_name="",
        app_version=device.app_version if device else "",
        date_created=key.authorized_at,
        date_active=key.active_at,
        ip=connections[-1].address if connections else "",
        country="",
        region="",
    )
