"""Messages and events as TL objects (https://core.telegram.org/constructor/message, https://core.telegram.org/api/updates)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from telethon.extensions import BinaryReader
from telethon.tl import types

from testing.telegram_server.model.box import Box
from testing.telegram_server.model.message import Deletion, Edit, Event, Message, Pinning, Read
from testing.telegram_server.model.peer import bare, is_channel
from testing.telegram_server.model.world import World
from testing.telegram_server.views.media import message_media
from testing.telegram_server.views.peers import peer_object
from testing.telegram_server.views.reactions import reactions_object


def message_object(world: World, message: Message, viewer: int) -> Any:
    """Return a message as the viewer gets it; `from_id` is left out where it is the chat itself, as Telegram does."""
    if message.action:
        return _service_message(message, viewer)
    return types.Message(
        id=message.id,
        peer_id=peer_object(message.peer),
        from_id=_from(message, viewer),
        saved_peer_id=types.PeerUser(message.owner) if message.peer == message.owner > 0 else None,
        date=message.date,
        message=message.text,
        out=message.out_for(viewer),
        silent=message.silent,
        post=message.post,
        views=1 if message.post else None,
        forwards=0 if message.post else None,
        fwd_from=forward_header(message),
        reply_to=reply_header(message),
        grouped_id=message.album,
        media=message_media(world, message, viewer),
        entities=entities(message),
        edit_date=message.edit_date,
        pinned=message.pinned,
        reactions=reactions_object(world, message, viewer),
    )


def _service_message(message: Message, viewer: int) -> Any:
    return types.MessageService(
        id=message.id,
        peer_id=peer_object(message.peer),
        from_id=_from(message, viewer),
        date=message.date,
        out=message.out_for(viewer),
        post=message.post,
        action=action_of(message),
    )


def _from(message: Message, viewer: int) -> Any:
    if message.post or (message.peer > 0 and message.sender != viewer):
        return None
    return types.PeerUser(message.sender)


def event_update(world: World, event: Event, viewer: int) -> Any:
    """Return an event as an update with its pts; those of channels have constructors of their own."""
    return _UPDATES[type(event), is_channel(event.owner)](world, event, viewer)


def _new(world: World, event: Message, viewer: int) -> Any:
    return types.UpdateNewMessage(message_object(world, event, viewer), event.pts, event.pts_count)


def _new_in_channel(world: World, event: Message, viewer: int) -> Any:
    return types.UpdateNewChannelMessage(message_object(world, event, viewer), event.pts, event.pts_count)


def _edited(world: World, event: Edit, viewer: int) -> Any:
    return types.UpdateEditMessage(edited_object(world, event, viewer), event.pts, event.pts_count)


def _edited_in_channel(world: World, event: Edit, viewer: int) -> Any:
    return types.UpdateEditChannelMessage(edited_object(world, event, viewer), event.pts, event.pts_count)


def edited_object(world: World, event: Edit, viewer: int) -> Any:
    """Return the message that was edited, as it is now; what was deleted since is empty."""
    message = world.box(event.owner).messages.get(event.id)
    return message_object(world, message, viewer) if message else types.MessageEmpty(id=event.id, peer_id=peer_object(event.peer))


def _deleted(world: World, event: Deletion, viewer: int) -> Any:
    return types.UpdateDeleteMessages(event.ids, event.pts, event.pts_count)


def _deleted_in_channel(world: World, event: Deletion, viewer: int) -> Any:
    return types.UpdateDeleteChannelMessages(bare(event.owner), event.ids, event.pts, event.pts_count)


def _pinned(world: World, event: Pinning, viewer: int) -> Any:
    return types.UpdatePinnedMessages(peer_object(event.peer), event.ids, event.pts, event.pts_count, pinned=event.pinned)


def _pinned_in_channel(world: World, event: Pinning, viewer: int) -> Any:
    return types.UpdatePinnedChannelMessages(bare(event.owner), event.ids, event.pts, event.pts_count, pinned=event.pinned)


def _read(world: World, event: Read, viewer: int) -> Any:
    peer = peer_object(event.peer)
    if event.side == "inbox":
        return types.UpdateReadHistoryInbox(peer, event.max_id, event.unread, event.pts, event.pts_count)
    return types.UpdateReadHistoryOutbox(peer, event.max_id, event.pts, event.pts_count)


_UPDATES: dict[tuple[type, bool], Callable[[World, Any, int], Any]] = {
    (Message, False): _new,
    (Message, True): _new_in_channel,
    (Edit, False): _edited,
    (Edit, True): _edited_in_channel,
    (Deletion, False): _deleted,
    (Deletion, True): _deleted_in_channel,
    (Read, False): _read,
    (Pinning, False): _pinned,
    (Pinning, True): _pinned_in_channel,
}


def short_message(message: Message) -> Any:
    """Return the short form, which carries a text but neither media nor people."""
    if message.peer < 0:
        return _short_chat_message(message)
    return types.UpdateShortMessage(
        id=message.id,
        user_id=message.peer,
        message=message.text,
        pts=message.pts,
        pts_count=message.pts_count,
        date=message.date,
        out=message.out_for(message.owner),
        silent=message.silent,
        reply_to=reply_header(message),
        entities=entities(message),
    )


def _short_chat_message(message: Message) -> Any:
    return types.UpdateShortChatMessage(
        id=message.id,
        from_id=message.sender,
        chat_id=bare(message.peer),
        message=message.text,
        pts=message.pts,
        pts_count=message.pts_count,
        date=message.date,
        out=message.out_for(message.owner),
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
    """Return what a message answers: another message, with what it quotes of it, or the topic that it is in."""
    if message.reply_to is None and message.topic is None:
        return None
    return types.MessageReplyHeader(
        reply_to_msg_id=message.reply_to or message.topic,
        reply_to_top_id=message.topic if message.reply_to is not None else None,
        forum_topic=message.topic is not None or None,
        quote=bool(message.quote) or None,
        quote_text=message.quote or None,
        quote_offset=message.quote_offset,
    )


def forward_header(message: Message) -> Any:
    return BinaryReader(message.forward).tgread_object() if message.forward else None


def entities(message: Message) -> Any:
    return BinaryReader(message.entities).tgread_vector() if message.entities else None


def action_of(message: Message) -> Any:
    """Return what a service message tells of, None for others."""
    return BinaryReader(message.action).tgread_object() if message.action else None


def state(box: Box, date: int) -> Any:
    """Return updates.state as it is now."""
    return types.updates.State(box.pts, box.qts, date, box.seq, box.unread)
