"""A chat as one person has it in their list, wherever its messages are kept."""

from __future__ import annotations

from dataclasses import dataclass

from testing.telegram_server.model.box import Box, Chat
from testing.telegram_server.model.message import Message
from testing.telegram_server.model.peer import is_channel
from testing.telegram_server.model.world import World


@dataclass(frozen=True, slots=True)
class Dialog:
    """One chat of a person: the box that holds its messages, and how far it is read. `pts` is a channel's own."""

    box: Box
    chat: Chat
    pts: int | None = None

    @property
    def peer(self) -> int:
        return self.chat.peer

    @property
    def last(self) -> Message | None:
        return self.box.messages[self.chat.ids[-1]] if self.chat.ids else None


def dialog_of(world: World, user_id: int, peer: int) -> Dialog:
    """Return one chat of a person, empty when there is none."""
    if is_channel(peer):
        return _channel_dialog(world, user_id, peer)
    box = world.box(user_id)
    return Dialog(box, box.chats.get(peer) or Chat(peer))


def read_marks(world: World, user_id: int, peer: int) -> tuple[int, int]:
    """Return how far a person has read a chat, and how far the others have read theirs."""
    group = world.groups.get(peer) if is_channel(peer) else None
    member = world.groups.member(group, user_id) if group is not None else None
    marks = member if is_channel(peer) else world.box(user_id).chats.get(peer)
    return (marks.read_inbox, marks.read_outbox) if marks is not None else (0, 0)


def dialogs_of(world: World, user_id: int) -> list[Dialog]:
    """Return all chats of a person that have a message, the one with the newest first."""
    box = world.box(user_id)
    own = [Dialog(box, chat) for chat in box.chats.values() if chat.ids]
    channels = [
        _channel_dialog(world, user_id, group.peer)
        for group in world.groups.of(user_id)
        if is_channel(group.peer) and world.groups.is_in(group, user_id)
    ]
    return sorted([*own, *(each for each in channels if each.chat.ids)], key=place, reverse=True)


def place(dialog: Dialog) -> tuple[int, int, int]:
    """Return where a chat stands in the list: by its last message."""
    last = dialog.last
    return (last.date, last.id, dialog.peer) if last is not None else (0, 0, dialog.peer)


def _channel_dialog(world: World, user_id: int, peer: int) -> Dialog:
    box = world.box(peer)
    kept = box.chat(peer)
    read_inbox, read_outbox = read_marks(world, user_id, peer)
    unread = box.unread_above(kept, read_inbox, user_id)
    return Dialog(box, Chat(peer, kept.ids, read_inbox, read_outbox, unread), box.pts)
