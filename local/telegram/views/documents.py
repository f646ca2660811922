"""People, messages and the rest as JSON, for the control interface and the stream of changes."""

from __future__ import annotations

from typing import Any

from local.telegram.model.key import Key
from local.telegram.model.login import Login
from local.telegram.model.message import Message
from local.telegram.model.person import Person
from local.telegram.model.world import World


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
        "has_password": person.password is not None,
        "found_by_phone": person.found_by_phone,
        "messages_from": person.messages_from,
        "code": {
            "deliveries": person.code.deliveries,
            "length": person.code.length,
            "lifetime_s": person.code.lifetime_s,
            "resend_after_s": person.code.resend_after_s,
            "fixed": person.code.fixed,
        },
    }


def message_json(world: World, message: Message) -> dict[str, Any]:
    """Return one copy of a message as its owner sees it."""
    peer, chat = world.people[message.peer], world.box(message.owner).chat(message.peer)
    return {
        "id": message.id,
        "chat": {"id": peer.id, "name": peer.name, "username": peer.username, "phone": f"+{peer.phone}"},
        "from_id": message.sender,
        "outgoing": message.sender == message.owner,
        "date": message.date,
        "text": message.text,
        "reply_to": message.reply_to,
        "media": _media_json(world, message),
        "read": message.id <= (chat.read_outbox if message.sender == message.owner else chat.read_inbox),
        "pts": message.pts,
    }


def _media_json(world: World, message: Message) -> dict[str, Any] | None:
    if message.file is None:
        return None
    file = world.files[message.file]
    return {"file_id": str(file.id), "kind": file.kind, "name": file.name, "mime_type": file.mime_type, "size": file.size}


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
