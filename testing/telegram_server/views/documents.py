"""People, messages and the rest as JSON, for the control interface and the stream of changes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from telethon.extensions import BinaryReader

from testing.telegram_server.model.dialog import read_marks
from testing.telegram_server.model.group import Group
from testing.telegram_server.model.key import Key
from testing.telegram_server.model.login import Login
from testing.telegram_server.model.message import Message
from testing.telegram_server.model.person import Person
from testing.telegram_server.model.world import World
from testing.telegram_server.views.media import document_attributes
from testing.telegram_server.views.messages import action_of, entities


def person_json(person: Person) -> dict[str, Any]:
    """Return a person without secrets."""
    return {
        "id": person.id,
        "phone": f"+{person.phone}",
        "first_name": person.first_name,
        "last_name": person.last_name,
        "username": person.username,
        "registered": person.registered,
        "banned": person.banned,
        "frozen": asdict(person.frozen) if person.frozen else None,
        "spam_limited": person.spam_limited,
        "has_password": person.password is not None,
        "found_by_phone": person.found_by_phone,
        "messages_from": person.messages_from,
        "dc": person.dc,
        "about": person.about,
        "deleted": person.deleted,
        "code": {
            "deliveries": person.code.deliveries,
            "length": person.code.length,
            "lifetime_s": person.code.lifetime_s,
            "resend_after_s": person.code.resend_after_s,
            "fixed": person.code.fixed,
        },
    }


def message_json(world: World, message: Message, viewer: int) -> dict[str, Any]:
    """Return a message as one person sees it."""
    read_inbox, read_outbox = read_marks(world, viewer, message.peer)
    outgoing = message.sender == viewer
    return {
        "id": message.id,
        "chat": chat_json(world, message.peer),
        "from_id": message.sender,
        "outgoing": outgoing,
        "date": message.date,
        "text": message.text,
        "reply_to": message.reply_to,
        "quote": message.quote or None,
        "topic": message.topic,
        "silent": message.silent,
        "entities": [_entity_json(entity) for entity in entities(message) or ()],
        "forwarded": bool(message.forward),
        "media": _media_json(world, message),
        "read": message.id <= (read_outbox if outgoing else read_inbox),
        "pts": message.pts,
        "edited_at": message.edit_date,
        "album": str(message.album) if message.album else None,
        "pinned": message.pinned,
        "reactions": _reactions_json(world, message),
        "action": type(action_of(message)).__name__ if message.action else None,
    }


def _entity_json(entity: Any) -> dict[str, Any]:
    fields = entity.to_dict()
    return {"type": fields.pop("_").removeprefix("MessageEntity"), **fields}


def chat_json(world: World, peer: int) -> dict[str, Any]:
    """Return a chat by its number: a person, or a group with its kind."""
    group = world.groups.get(peer)
    if group is not None:
        return {"id": peer, "name": group.title, "username": group.username, "phone": None, "kind": group.kind}
    person = world.people[peer]
    return {"id": peer, "name": person.name, "username": person.username, "phone": f"+{person.phone}", "kind": "person"}


def group_json(world: World, group: Group) -> dict[str, Any]:
    """Return a group with everybody who is or was in it."""
    return {
        **chat_json(world, group.peer),
        "about": group.about,
        "members_write": group.members_write,
        "pts": world.box(group.peer).pts if group.kind != "basic" else None,
        "members": [
            {
                "id": member.user_id,
                "role": member.role,
                "standing": member.standing,
                "may_write": member.may_write,
            }
            for member in world.groups.all_members(group)
        ],
    }


def _reactions_json(world: World, message: Message) -> list[dict[str, Any]]:
    found = world.reactions.of(message)
    given = ((person, each) for person, reactions in (found.by_person if found else {}).items() for each in reactions)
    return [{"person": person, "emoji": BinaryReader(each).tgread_object().emoticon} for person, each in given]


def _media_json(world: World, message: Message) -> dict[str, Any] | None:
    if message.file is None:
        return None
    file = world.files[message.file]
    found = {"file_id": str(file.id), "kind": file.kind, "name": file.name, "mime_type": file.mime_type, "size": file.size}
    return {**found, "attributes": [type(one).__name__ for one in document_attributes(file)] if file.kind == "document" else []}


def login_json(login: Login) -> dict[str, Any]:
    """Return a log-in code as it shows on the person's phone."""
    return {
        "id": f"{login.hash}.{login.step}",
        "phone": f"+{login.phone}",
        "code": login.code,
        "delivery": login.delivery,
        "sent_at": login.sent_at,
        "expires_at": login.expires_at,
    }


def authorization_json(key: Key, connections: int) -> dict[str, Any]:
    """Return one authorisation of a person."""
    device = key.device
    return {
        "hash": str(key.authorization_hash),
        "key": key.name,
        "dc": key.dc,
        "created_at": key.authorized_at,
        "active_at": key.active_at,
        "connections": connections,
        "api_id": device.api_id if device else None,
        "device_model": device.model if device else None,
        "system_version": device.system if device else None,
        "app_version": device.app_version if device else None,
        "lang_code": device.lang_code if device else None,
        "system_lang_code": device.system_lang_code if device else None,
    }
