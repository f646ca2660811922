"""Turns what a provider posted into events. Pure.

An event's id is made of tenant, channel and message id, so a message that is posted again has the same one. A message without an id is
known by its content, if that has a time; without a time too, each post is a message of its own.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from functions.providers.posted_bodies import MediaIn, MessageIn, ReadyIn
from functions.providers.whatsapp_ids import chat_type_of, id_of, phone_of
from shared.model.event import Media, MediaType, Message, MessageReceived, ProviderReady, ReadySession, event_id
from shared.model.ids import Channel, EventId, TenantId

_MEDIA: Mapping[str, MediaType] = {
    "image": "photo",
    "photo": "photo",
    "video": "video",
    "audio": "audio",
    "voice": "voice",
    "ptt": "voice",
    "sticker": "sticker",
    "gif": "animation",
    "document": "file",
    "file": "file",
}


def message_event(posted: MessageIn, sent: Mapping[str, Any], tenant_id: TenantId, now: datetime) -> MessageReceived:
    """Return the event of a message. `sent` is the body as it came."""
    sender = id_of(posted.sender)
    chat = id_of(posted.from_jid) if posted.from_jid else sender
    chat_type = chat_type_of(chat)
    channel = Channel(posted.channel)
    identity = posted.message_id or _content(posted, sent)
    message = Message(
        chat_id=chat,
        message_id=identity,
        sender_id=chat if chat_type == "private" else sender,
        sender_phone=phone_of(sender),
        chat_type=chat_type,
        text=posted.text or "",
        date=posted.ts or now,
        media=_media(posted.files[0]) if posted.files else None,
    )
    original = {name: value for name, value in sent.items() if name != "text"}
    return MessageReceived(
        id=event_id(channel, tenant_id, "-", identity, "message"),
        tenant_id=tenant_id,
        channel=channel,
        received_at=now,
        message=message,
        original=_compact(original),
    )


def ready_event(posted: ReadyIn, tenant_id: TenantId, now: datetime) -> ProviderReady:
    """Return the event of a session that is ready. With a `ts` a repeat has the same id."""
    channel = Channel(posted.channel)
    identity = posted.ts.isoformat() if posted.ts else uuid.uuid4().hex
    return ProviderReady(
        id=_ready_id(channel, tenant_id, identity),
        tenant_id=tenant_id,
        channel=channel,
        received_at=now,
        ready=ReadySession(state=posted.state, at=posted.ts or now),
    )


def _ready_id(channel: Channel, tenant_id: TenantId, identity: str) -> EventId:
    return event_id(channel, tenant_id, "-", identity, "ready")


def _content(posted: MessageIn, sent: Mapping[str, Any]) -> str:
    if posted.ts is None:
        return uuid.uuid4().hex
    return hashlib.sha256(_compact(dict(sorted(sent.items()))).encode()).hexdigest()[:32]


def _compact(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _media(file: MediaIn) -> Media:
    return Media(type=_MEDIA.get(file.type.lower(), "other"), mime_type=file.mime_type, name=file.name)
