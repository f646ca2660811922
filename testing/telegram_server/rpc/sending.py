"""messages.*: sending (https://core.telegram.org/method/messages.sendMessage, https://core.telegram.org/method/messages.sendMedia)."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

from telethon.tl import functions, types

from testing.telegram_server.actions.draft import Draft
from testing.telegram_server.actions.talk import Peer
from testing.telegram_server.model.dialog import dialog_of
from testing.telegram_server.model.file import File
from testing.telegram_server.model.message import Message
from testing.telegram_server.model.peer import is_channel
from testing.telegram_server.mtproto.answers import serialized
from testing.telegram_server.rpc.call import Call
from testing.telegram_server.rpc.configuration import CAPTION_LENGTH_MAX, MESSAGE_LENGTH_MAX
from testing.telegram_server.rpc.errors import RpcError, bad_request
from testing.telegram_server.rpc.input_media import KNOWN_MEDIA, media_file
from testing.telegram_server.rpc.peers import number, peer_of, user_person
from testing.telegram_server.rpc.rights import check_may_write
from testing.telegram_server.rpc.scheduling import schedule
from testing.telegram_server.rpc.table import Methods
from testing.telegram_server.views.media import document_attributes, file_media
from testing.telegram_server.views.messages import action_of, event_update, short_sent

METHODS = Methods()
ALBUM_MAX = 10


@METHODS.serves(functions.messages.SendMessageRequest)
def send_message(call: Call, request: Any) -> Any:
    """Answer with the short form; in channels, and for what one sends to oneself, with the whole message.

    A repeated random_id sends nothing and is answered as `Settings.repeated_random_id` says.
    """
    peer = peer_of(call, request.peer)
    check_text(request.message)
    message = _sent_before(call, request)
    if message is None:
        check_may_write(call.world, call.me, peer)
        if request.schedule_date is not None:
            return schedule(call, request, [_draft(call, request, peer, None)], peer)
        message = call.services.talk.send(call.me, peer, _draft(call, request, peer, None), call.key)
    whole = is_channel(message.owner) or peer is call.me
    return sent_updates(call, message, request.random_id) if whole else short_sent(message)


@METHODS.serves(functions.messages.SendMediaRequest)
def send_media(call: Call, request: Any) -> Any:
    peer = peer_of(call, request.peer)
    if len(request.message) > CAPTION_LENGTH_MAX:
        raise bad_request("MEDIA_CAPTION_TOO_LONG")
    message = _sent_before(call, request)
    if message is None:
        check_may_write(call.world, call.me, peer)
        file = media_file(call, request.media)
        if request.schedule_date is not None:
            return schedule(call, request, [_draft(call, request, peer, file.id)], peer)
        message = call.services.talk.send(call.me, peer, _draft(call, request, peer, file.id), call.key)
    return sent_updates(call, message, request.random_id)


@METHODS.serves(functions.messages.UploadMediaRequest)
def upload_media(call: Call, request: Any) -> Any:
    """Make media of an upload without sending it (https://core.telegram.org/method/messages.uploadMedia)."""
    peer_of(call, request.peer)
    return file_media(call.world, media_file(call, request.media), call.me.id)


@METHODS.serves(functions.messages.SendMultiMediaRequest)
def send_multi_media(call: Call, request: Any) -> Any:
    """Send an album: media that was made before, of one group (https://core.telegram.org/method/messages.sendMultiMedia)."""
    peer, wanted = peer_of(call, request.peer), request.multi_media
    if not 0 < len(wanted) <= ALBUM_MAX:
        raise bad_request("MULTI_MEDIA_TOO_LONG")
    if any(type(one.media) not in KNOWN_MEDIA for one in wanted):
        raise bad_request("MEDIA_INVALID")
    if any(len(one.message) > CAPTION_LENGTH_MAX for one in wanted):
        raise bad_request("MEDIA_CAPTION_TOO_LONG")
    files = [media_file(call, one.media) for one in wanted]
    if len({album_group(file) for file in files}) > 1:
        raise bad_request("MEDIA_GROUPED_INVALID")
    sent = [_sent_before(call, one) for one in wanted]
    if None in sent:
        check_may_write(call.world, call.me, peer)
    album = secrets.randbits(62)
    drafts = [replace(_draft(call, request, peer, file.id, one), album=album) for one, file in zip(wanted, files, strict=True)]
    if request.schedule_date is not None:
        return schedule(call, request, drafts, peer)
    messages = [before or call.services.talk.send(call.me, peer, draft, call.key) for before, draft in zip(sent, drafts, strict=True)]
    numbered = [types.UpdateMessageID(message.id, one.random_id) for message, one in zip(messages, wanted, strict=True)]
    updates = [*numbered, *(event_update(call.world, message, call.me.id) for message in messages)]
    return call.services.publisher.updates(updates, call.services.company.of(call.key, messages))


def album_group(file: File) -> str:
    """Return what a file may share an album with: photos with videos, audio, other documents.

    https://core.telegram.org/api/files#albums-grouped-media
    """
    if file.kind == "photo":
        return "visual"
    kinds = {type(one) for one in document_attributes(file)}
    if types.DocumentAttributeVideo in kinds:
        return "visual"
    return "audio" if types.DocumentAttributeAudio in kinds else "document"


def check_text(text: str) -> None:
    if not text.strip():
        raise bad_request("MESSAGE_EMPTY")
    if len(text) > MESSAGE_LENGTH_MAX:
        raise bad_request("MESSAGE_TOO_LONG")


def sent_updates(call: Call, message: Message, random_id: int) -> Any:
    updates = [types.UpdateMessageID(message.id, random_id), event_update(call.world, message, call.me.id)]
    return call.services.publisher.updates(updates, call.services.company.of(call.key, [message]))


def _sent_before(call: Call, request: Any) -> Message | None:
    message = call.services.talk.sent_before(call.me, request.random_id)
    if message is not None and call.services.settings.repeated_random_id == "error":
        raise RpcError(500, "RANDOM_ID_DUPLICATE")
    return message


def _draft(call: Call, request: Any, peer: Peer, file: int | None, single: Any = None) -> Draft:
    """Return what a request wants to be sent; `single` is one medium of an album."""
    said = single or request
    return Draft(
        text=said.message.strip(),
        entities=stored_entities(call, said.entities or []),
        file=file,
        spoiler=bool(getattr(getattr(said, "media", None), "spoiler", False)),
        silent=bool(request.silent),
        random_id=said.random_id,
        **reply_of(call, request.reply_to, peer),
    )


def stored_entities(call: Call, entities: list[Any]) -> bytes:
    """Return entities as messages show them: users are mentioned by their id."""
    shown = [
        types.MessageEntityMentionName(entity.offset, entity.length, user_person(call, entity.user_id).id)
        if isinstance(entity, types.InputMessageEntityMentionName)
        else entity
        for entity in entities
    ]
    return serialized(shown) if shown else b""


def reply_of(call: Call, reply_to: Any, peer: Peer) -> dict[str, Any]:
    """Return what a message answers, and the topic that it is in (https://core.telegram.org/api/threads)."""
    if reply_to is None:
        return {}
    replied = dialog_of(call.world, call.me.id, number(peer)).box.messages.get(getattr(reply_to, "reply_to_msg_id", 0))
    if replied is None or replied.peer != number(peer):
        raise bad_request("REPLY_MESSAGE_ID_INVALID")
    topic = topic_of(replied) if reply_to.top_msg_id is None else reply_to.top_msg_id
    if replied.id == topic:
        return {"topic": topic}
    if reply_to.quote_text and reply_to.quote_text not in replied.text:
        raise bad_request("QUOTE_TEXT_INVALID")
    return {"reply_to": replied.id, "topic": topic, "quote": reply_to.quote_text or "", "quote_offset": reply_to.quote_offset}


def topic_of(message: Message) -> int | None:
    """Return the topic of a message; a service message that began one is its own."""
    return message.id if isinstance(action_of(message), types.MessageActionTopicCreate) else message.topic
