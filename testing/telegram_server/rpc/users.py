"""users.*: people by id and access hash (https://core.telegram.org/method/users.getUsers)."""

from __future__ import annotations

from typing import Any

from telethon.tl import functions, types

from testing.telegram_server.rpc.call import Call
from testing.telegram_server.rpc.peers import find_person, user_person
from testing.telegram_server.rpc.table import Methods

METHODS = Methods()


@METHODS.serves(functions.users.GetUsersRequest)
def get_users(call: Call, request: Any) -> Any:
    """Return each person asked for; one who may not be named so is left empty, as Telegram has no error for it here."""
    people = [find_person(call, user) for user in request.id]
    return [
        call.services.people.user(call.key, person) if person else types.UserEmpty(getattr(asked, "user_id", 0))
        for asked, person in zip(request.id, people, strict=True)
    ]


@METHODS.serves(functions.users.GetFullUserRequest)
def get_full_user(call: Call, request: Any) -> Any:
    person = user_person(call, request.id)
    full = types.UserFull(
        id=person.id,
        settings=types.PeerSettings(),
        notify_settings=types.PeerNotifySettings(),
        common_chats_count=0,
        blocked=person.id in call.me.blocked,
        about=person.about or None,
    )
    return types.users.UserFull(full, [], [call.services.people.user(call.key, person)])
