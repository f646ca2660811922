"""What people do in private chats, whether through a client or on their phone: send, read, edit, delete, type.

Each act changes both sides' boxes, then pushes to the connections that should see it
(https://core.telegram.org/api/updates).
"""

from __future__ import annotations

from typing import Any

from telethon.tl import types

from testing.telegram_server.actions.draft import Draft
from testing.telegram_server.actions.publisher import Publisher
from testing.telegram_server.changes import Changes
from testing.telegram_server.clock import Clock
from testing.telegram_server.model.key import Key
from testing.telegram_server.model.message import Message, Read
from testing.telegram_server.model.person import Person
from testing.telegram_server.model.world import World
from testing.telegram_server.network.hub import Hub


class Chats:
    """Private chats between people."""

    def __init__(self, world: World, clock: Clock, changes: Changes, hub: Hub, publisher: Publisher) -> None:
        self._world, self._clock, self._changes, self._hub, self._publisher = world, clock, changes, hub, publisher

    def send(self, sender: Person, peer: Person, draft: Draft, skip: Key | None = None) -> Message:
        """Put a message into both boxes and push it, except to `skip`, whose answer tells. Return the sender's copy."""
        mine = self._world.box(sender.id)
        message = Message(
            owner=sender.id,
            id=mine.next_id,
            peer=peer.id,
            sender=sender.id,
            date=self._clock.now(),
            pts=mine.pts + 1,
            reply_to=draft.reply_to,
            **draft.copied(),
            random_id=draft.random_id,
        )
        theirs = None if peer.id == sender.id else self._copy(message)
        self._publisher.publish(message, skip)
        if theirs is not None:
            self._publisher.publish(theirs)
        return message

    def _copy(self, message: Message) -> Message:
        box = self._world.box(message.peer)
        message.twin = box.next_id
        replied = self._world.box(message.owner).messages.get(message.reply_to) if message.reply_to is not None else None
        return Message(
            owner=message.peer,
            id=box.next_id,
            peer=message.owner,
            sender=message.sender,
            date=message.date,
            text=message.text,
            pts=box.pts + 1,
            entities=message.entities,
            reply_to=replied.twin if replied is not None else None,
            file=message.file,
            spoiler=message.spoiler,
            silent=message.silent,
            quote=message.quote,
            quote_offset=message.quote_offset,
            forward=message.forward,
            album=message.album,
            twin=message.id,
        )

    def copies(self, message: Message) -> list[Message]:
        """Return the message and its copy on the other side, as far as they are still there."""
        other = self._world.box(message.peer).messages.get(message.twin) if message.twin is not None else None
        return [message] if other is None else [message, other]

    def read(self, reader: Person, peer: Person, max_id: int, skip: Key | None = None) -> bool:
        """Mark a chat as read up to `max_id`, on the reader's other devices and at the sender's; False: it was already."""
        box = self._world.box(reader.id)
        chat = box.chats.get(peer.id)
        if chat is None or not chat.ids:
            return False
        max_id = min(max_id, chat.ids[-1]) if max_id > 0 else chat.ids[-1]
        if max_id <= chat.read_inbox:
            return False
        unread = box.unread_above(chat, max_id)
        incoming = [i for i in chat.ids if chat.read_inbox < i <= max_id and box.messages[i].sender != reader.id]
        self._publisher.publish(Read(reader.id, box.pts + 1, "inbox", peer.id, max_id, unread), skip)
        twin = box.messages[incoming[-1]].twin if incoming else None
        if twin is not None and peer.id != reader.id:
            theirs = self._world.box(peer.id)
            self._publisher.publish(Read(peer.id, theirs.pts + 1, "outbox", reader.id, twin))
        return True

    def typing(self, person: Person, peer: Person, action: Any) -> None:
        """Show the other side what somebody is about to do; it has no pts and is not stored."""
        update = types.UpdateShort(types.UpdateUserTyping(person.id, action), self._clock.now())
        self._hub.push(peer.id, lambda key: update)
        self._changes.add("typing", peer.id, lambda: {"chat_id": person.id, "action": type(action).__name__})
