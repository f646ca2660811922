"""What people do in private chats, whether through a client or on their phone: send, read, type.

Each act changes both sides' boxes, then pushes to the connections that should see it
(https://core.telegram.org/api/updates).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from telethon.tl import types

from local.telegram.changes import Changes
from local.telegram.clock import Clock
from local.telegram.counters import Counters
from local.telegram.model.key import Key
from local.telegram.model.message import Event, Message, Read
from local.telegram.model.person import Person
from local.telegram.model.world import World
from local.telegram.network.hub import Hub
from local.telegram.settings import Settings
from local.telegram.views.documents import message_json
from local.telegram.views.messages import event_update, short_message
from local.telegram.views.people import People


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be sent, as the sender wrote it; `reply_to` in the sender's own numbering."""

    text: str
    entities: bytes = b""
    reply_to: int | None = None
    file: int | None = None
    spoiler: bool = False
    silent: bool = False
    random_id: int | None = None


class Chats:
    """Private chats between people."""

    def __init__(
        self, world: World, clock: Clock, settings: Settings, counters: Counters, changes: Changes, hub: Hub, people: People
    ) -> None:
        self._world, self._clock, self._settings, self._counters = world, clock, settings, counters
        self._changes, self._hub, self._people = changes, hub, people

    def sent_before(self, sender: Person, random_id: int) -> Message | None:
        """Return the message that a sender made with this random_id, if there is one; this counts it as a repeat."""
        message = self._world.box(sender.id).by_random_id.get(random_id)
        if message is not None:
            self._counters.sends_deduplicated += 1
        return message

    def send(self, sender: Person, peer: Person, draft: Draft, skip: Key | None = None) -> Message:
        """Put a message into both boxes and push it, except to `skip`, whose answer tells. Return the sender's copy."""
        mine = self._world.box(sender.id)
        message = Message(
            owner=sender.id,
            id=mine.next_id,
            peer=peer.id,
            sender=sender.id,
            date=self._clock.now(),
            text=draft.text,
            pts=mine.pts + 1,
            entities=draft.entities,
            reply_to=draft.reply_to,
            file=draft.file,
            spoiler=draft.spoiler,
            silent=draft.silent,
            random_id=draft.random_id,
        )
        theirs = None if peer.id == sender.id else self._copy(message)
        self._publish(message, skip)
        if theirs is not None:
            self._publish(theirs, None)
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
            twin=message.id,
        )

    def _publish(self, message: Message, skip: Key | None) -> None:
        self._world.add_event(message)
        self._changes.add("message", message.owner, lambda: {"message": message_json(self._world, message)})
        self._hub.push(message.owner, lambda key: self._as_pushed(key, message), skip)

    def _as_pushed(self, key: Key, message: Message) -> Any:
        short = self._settings.short_updates
        told = short == "always" or (short == "known" and self._people.was_told(key, message.peer))
        if told and message.file is None:
            return short_message(message)
        return self._full(key, message)

    def _full(self, key: Key, event: Event) -> Any:
        users = self._people.users(key, (event.peer, event.owner))
        return types.Updates([event_update(self._world, event)], users, [], self._clock.now(), 0)

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
        self._publish_read(Read(reader.id, box.pts + 1, "inbox", peer.id, max_id, unread), skip)
        twin = box.messages[incoming[-1]].twin if incoming else None
        if twin is not None and peer.id != reader.id:
            theirs = self._world.box(peer.id)
            self._publish_read(Read(peer.id, theirs.pts + 1, "outbox", reader.id, twin), None)
        return True

    def _publish_read(self, read: Read, skip: Key | None) -> None:
        self._world.add_event(read)
        self._changes.add("read", read.owner, lambda: {"chat_id": read.peer, "side": read.side, "max_id": read.max_id})
        update = types.Updates([event_update(self._world, read)], [], [], self._clock.now(), 0)
        self._hub.push(read.owner, lambda key: update, skip)

    def typing(self, person: Person, peer: Person, action: Any) -> None:
        """Show the other side what somebody is about to do; it has no pts and is not stored."""
        update = types.UpdateShort(types.UpdateUserTyping(person.id, action), self._clock.now())
        self._hub.push(peer.id, lambda key: update)
        self._changes.add("typing", peer.id, lambda: {"chat_id": person.id, "action": type(action).__name__})
