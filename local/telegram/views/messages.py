"""Messages and events as TL objects (https://core.telegram.org/constructor/message, https://core.telegram.org/api/updates)."""

from __future__ import annotations

from typing import Any

from telethon.extensions import BinaryReader
from telethon.tl import types

from local.telegram.model.box import Box
from local.telegram.model.message import Event, Message, Read
from local.telegram.model.world import World
from local.telegram.views.media import message_media


def message_object(world: World, message: Message) -> Any:
    """Return a message as its owner gets it: `from_id` is left out where it is the chat itself, as Telegram does."""
    return types.Message(
        id=message.id,
        peer_id=types.PeerUser(message.peer),
        from_id=types.PeerUser(message.sender) if message.sender == message.owner else None,
        saved_peer_id=types.PeerUser(message.owner) if message.peer == message.owner else None,
        date=message.date,
        message=message.text,
        out=message.out,
        silent=message.silent,
        reply_to=reply_header(message),
        media=message_media(world, message),
        entities=entities(message),
    )


def event_update(world: World, event: Event) -> Any:
    """Return an event as an update with its pts."""
    if isinstance(event, Read):
        peer = types.PeerUser(event.peer)
        if event.side == "inbox":
            return types.UpdateReadHistoryInbox(peer, event.max_id, event.unread, event.pts, event.pts_count)
        return types.UpdateReadHistoryOutbox(peer, event.max_id, event.pts, event.pts_count)
    return types.UpdateNewMessage(message_object(world, event), event.pts, event.pts_count)


def short_message(message: Message) -> Any:
    """Return the short form, which carries a text but neither media nor people."""
    return types.UpdateShortMessage(
        id=message.id,
        user_id=message.peer,
        message=message.text,
        pts=message.pts,
        pts_count=message.pts_count,
        date=message.date,
        out=message.out,
        silent=message.silent,
        reply_to=reply_header(message),
        entities=entities(message),
    )


def short_sent(message: Message) -> Any:
    """Return the sender's answer to a text message."""
    return types.UpdateShortSentMessage(
        id=message.id, pts=message.pts, pts_count=message.pts_count, date=message.date, out=True, entities=entities(message)
    )


def reply_header(message: Message) -> Any:
    return types.MessageReplyHeader(reply_to_msg_id=message.reply_to) if message.reply_to is not None else None


def entities(message: Message) -> Any:
    return BinaryReader(message.entities).tgread_vector() if message.entities else None


def state(box: Box, date: int) -> Any:
    """Return updates.state as it is now."""
    return types.updates.State(box.pts, box.qts, date, box.seq, box.unread)
