"""messages.*: sending (https://core.telegram.org/method/messages.sendMessage, https://core.telegram.org/method/messages.sendMedia)."""

from __future__ import annotations

from typing import Any

from telethon.tl import functions, types

from local.telegram.acts.chats import Draft
from local.telegram.model.message import Message
from local.telegram.model.person import Person
from local.telegram.mtproto.answers import serialized
from local.telegram.rpc.call import Call
from local.telegram.rpc.configuration import CAPTION_LENGTH_MAX, MESSAGE_LENGTH_MAX
from local.telegram.rpc.errors import RpcError, bad_request, forbidden
from local.telegram.rpc.input_media import media_file
from local.telegram.rpc.peers import peer_person
from local.telegram.rpc.table import Methods
from local.telegram.views.messages import event_update, short_sent

METHODS = Methods()


@METHODS.serves(functions.messages.SendMessageRequest)
def send_message(call: Call, request: Any) -> Any:
    """Answer with the short form; a repeated random_id sends nothing and is answered as `Settings.repeated_random_id` says."""
    peer = peer_person(call, request.peer)
    if not request.message.strip():
        raise bad_request("MESSAGE_EMPTY")
    if len(request.message) > MESSAGE_LENGTH_MAX:
        raise bad_request("MESSAGE_TOO_LONG")
    message = _sent_before(call, request)
    if message is None:
        check_may_write(call.me, peer)
        message = call.services.chats.send(call.me, peer, _draft(call, request, peer, None), call.key)
    return short_sent(message)


@METHODS.serves(functions.messages.SendMediaRequest)
def send_media(call: Call, request: Any) -> Any:
    peer = peer_person(call, request.peer)
    if len(request.message) > CAPTION_LENGTH_MAX:
        raise bad_request("MEDIA_CAPTION_TOO_LONG")
    message = _sent_before(call, request)
    if message is None:
        check_may_write(call.me, peer)
        file = media_file(call, request.media)
        message = call.services.chats.send(call.me, peer, _draft(call, request, peer, file.id), call.key)
    updates = [types.UpdateMessageID(message.id, request.random_id), event_update(call.world, message)]
    return types.Updates(updates, call.services.people.users(call.key, (message.owner, message.peer)), [], call.now, 0)


def check_may_write(sender: Person, peer: Person) -> None:
    """Raise when the other side has blocked the sender or takes no messages from such people."""
    if sender.id in peer.blocked:
        raise forbidden("USER_IS_BLOCKED")
    if peer.id in sender.blocked:
        raise bad_request("YOU_BLOCKED_USER")
    welcome = {"everybody": True, "contacts": sender.id in peer.contacts, "nobody": False}[peer.messages_from]
    if not welcome and sender is not peer:
        raise forbidden("PRIVACY_PREMIUM_REQUIRED")


def _sent_before(call: Call, request: Any) -> Message | None:
    message = call.services.chats.sent_before(call.me, request.random_id)
    if message is not None and call.services.settings.repeated_random_id == "error":
        raise RpcError(500, "RANDOM_ID_DUPLICATE")
    return message


def _draft(call: Call, request: Any, peer: Person, file: int | None) -> Draft:
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


def _replied(call: Call, reply_to: Any, peer: Person) -> int | None:
    if reply_to is None:
        return None
    replied = call.box.messages.get(getattr(reply_to, "reply_to_msg_id", 0))
    if replied is None or replied.peer != peer.id:
        raise bad_request("REPLY_MESSAGE_ID_INVALID")
    return replied.id
