"""messages.*: sending (https://core.telegram.org/method/messages.sendMessage, https://core.telegram.org/method/messages.sendMedia)."""

from __future__ import annotations

from typing import Any

from telethon.tl import functions, types

from testing.telegram_server.actions.draft import Draft
from testing.telegram_server.actions.talk import Peer
from testing.telegram_server.model.dialog import dialog_of
from testing.telegram_server.model.message import Message
from testing.telegram_server.model.peer import is_channel
from testing.telegram_server.mtproto.answers import serialized
from testing.telegram_server.rpc.call import Call
from testing.telegram_server.rpc.configuration import CAPTION_LENGTH_MAX, MESSAGE_LENGTH_MAX
from testing.telegram_server.rpc.errors import RpcError, bad_request
from testing.telegram_server.rpc.input_media import media_file
from testing.telegram_server.rpc.peers import number, peer_of
from testing.telegram_server.rpc.rights import check_may_write
from testing.telegram_server.rpc.table import Methods
from testing.telegram_server.views.messages import event_update, short_sent

METHODS = Methods()


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
        text=request.message,
        entities=serialized(request.entities) if request.entities else b"",
        reply_to=_replied(call, request.reply_to, peer),
        file=file,
        spoiler=bool(getattr(getattr(request, "media", None), "spoiler", False)),
        silent=bool(request.silent),
        random_id=request.random_id,
    )


def _replied(call: Call, reply_to: Any, peer: Peer) -> int | None:
    if reply_to is None:
        return None
    replied = dialog_of(call.world, call.me.id, number(peer)).box.messages.get(getattr(reply_to, "reply_to_msg_id", 0))
    if replied is None or replied.peer != number(peer):
        raise bad_request("REPLY_MESSAGE_ID_INVALID")
    return replied.id
