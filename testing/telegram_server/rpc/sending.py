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
from testing.telegram_server.rpc.peers import number, peer_of
from testing.telegram_server.rpc.rights import check_may_write
from testing.telegram_server.rpc.table import Methods
from testing.telegram_server.views.media import document_attributes, file_media
from testing.telegram_server.views.messages import event_update, short_sent

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
        message = call.services.talk.send(call.me, peer, _draft(call, request, peer, None), call.key)
    whole = is_channel(message.owner) or peer is call.me
    return _sent(call, message, request.random_id) if whole else short_sent(message)


@METHODS.serves(functions.messages.SendMediaRequest)
def send_media(call: Call, request: Any) -> Any:
    peer = peer_of(call, request.peer)
    if len(request.message) > CAPTION_LENGTH_MAX:
        raise bad_request("MEDIA_CAPTION_TOO_LONG")
    message = _sent_before(call, request)
    if message is None:
        check_may_write(call.world, call.me, peer)
        file = media_file(call, request.media)
        message = call.services.talk.send(call.me, peer, _draft(call, request, peer, file.id), call.key)
    return _sent(call, message, request.random_id)


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
    files = [media_file(call, one.media) for one in wanted]
    if len({_album_group(file) for file in files}) > 1:
        raise bad_request("MEDIA_GROUPED_INVALID")
    album, messages = secrets.randbits(62), []
    for one, file in zip(wanted, files, strict=True):
        if len(one.message) > CAPTION_LENGTH_MAX:
            raise bad_request("MEDIA_CAPTION_TOO_LONG")
        message = _sent_before(call, one)
        if message is None:
            check_may_write(call.world, call.me, peer)
            draft = replace(_draft(call, request, peer, file.id), text=one.message, random_id=one.random_id, album=album)
            message = call.services.talk.send(call.me, peer, draft, call.key)
        messages.append(message)
    numbered = [types.UpdateMessageID(message.id, one.random_id) for message, one in zip(messages, wanted, strict=True)]
    updates = [*numbered, *(event_update(call.world, message, call.me.id) for message in messages)]
    return call.services.publisher.updates(updates, call.services.company.of(call.key, messages))


def _album_group(file: File) -> str:
    """Return what a file may share an album with: photos and videos, audio, other documents (https://core.telegram.org/api/files#albums-grouped-media)."""
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


def _sent(call: Call, message: Message, random_id: int) -> Any:
    updates = [types.UpdateMessageID(message.id, random_id), event_update(call.world, message, call.me.id)]
    return call.services.publisher.updates(updates, call.services.company.of(call.key, [message]))


def _sent_before(call: Call, request: Any) -> Message | None:
    message = call.services.talk.sent_before(call.me, request.random_id)
    if message is not None and call.services.settings.repeated_random_id == "error":
        raise RpcError(500, "RANDOM_ID_DUPLICATE")
    return message


def _draft(call: Call, request: Any, peer: Peer, file: int | None) -> Draft:
    if request.schedule_date is not None:
        raise bad_request("SCHEDULE_DATE_INVALID")
    return Draft(
        text=getattr(request, "message", ""),
        entities=serialized(request.entities) if getattr(request, "entities", None) else b"",
        reply_to=_replied(call, request.reply_to, peer),
        file=file,
        spoiler=bool(getattr(getattr(request, "media", None), "spoiler", False)),
        silent=bool(request.silent),
        random_id=getattr(request, "random_id", None),
    )


def _replied(call: Call, reply_to: Any, peer: Peer) -> int | None:
    if reply_to is None:
        return None
    replied = dialog_of(call.world, call.me.id, number(peer)).box.messages.get(getattr(reply_to, "reply_to_msg_id", 0))
    if replied is None or replied.peer != number(peer):
        raise bad_request("REPLY_MESSAGE_ID_INVALID")
    return replied.id
