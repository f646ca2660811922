"""Users as the commands that read answer with them: from Telegram's constructor `user` and its like."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from telethon import utils
from telethon.tl import types

from listener.telegram.peers.peer_cache import usernames_of
from shared.rpc.people import LastSeen, Person


def people_of(users: Iterable[Any]) -> dict[int, Person]:
    """Return users by their id; those of whom Telegram tells nothing (`userEmpty`) are left out."""
    return {user.id: person_of(user) for user in users if isinstance(user, types.User)}


def person_of(user: Any) -> Person:
    """Return a user. What Telegram does not show to this account is None."""
    return Person(**fields_of(user))


def fields_of(user: Any) -> dict[str, Any]:
    """Return the fields of a user."""
    username, more = usernames_of(user)
    return {
        "user_id": user.id,
        "name": utils.get_display_name(user) or None,
        "first_name": user.first_name or None,
        "last_name": user.last_name or None,
        "username": username,
        "more_usernames": more,
        "phone": f"+{user.phone}" if user.phone else None,
        "bot": bool(user.bot),
        "contact": bool(user.contact),
        "mutual_contact": bool(user.mutual_contact),
        "deleted": bool(user.deleted),
        "premium": bool(user.premium),
        "verified": bool(user.verified),
        "last_seen": _last_seen(user.status),
    }


def _last_seen(status: Any) -> LastSeen | None:
    """https://core.telegram.org/type/UserStatus"""
    match status:
        case types.UserStatusOnline(expires=datetime() as at):
            return LastSeen(status="online", at=at)
        case types.UserStatusOffline(was_online=datetime() as at):
            return LastSeen(status="offline", at=at)
        case types.UserStatusRecently():
            return LastSeen(status="recently")
        case types.UserStatusLastWeek():
            return LastSeen(status="within_week")
        case types.UserStatusLastMonth():
            return LastSeen(status="within_month")
    return None
