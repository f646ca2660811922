"""Sending, reading, editing and deleting in any chat: which kind of chat does it, and what all kinds have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from testing.telegram_server.actions.basic_groups import BasicGroups
from testing.telegram_server.actions.channels import Channels
from testing.telegram_server.actions.chats import Chats
from testing.telegram_server.actions.draft import Draft
from testing.telegram_server.actions.publisher import Publisher
from testing.telegram_server.clock import Clock
from testing.telegram_server.counters import Counters
from testing.telegram_server.model.group import Group
from testing.telegram_server.model.key import Key
from testing.telegram_server.model.message import Deletion, Edit, Message, Pinning
from testing.telegram_server.model.person import Person
from testing.telegram_server.model.world import World

Peer = Person | Group


class Talk:
    """What people do with messages, wherever they are."""

    def __init__(
        self,
        world: World,
        clock: Clock,
        counters: Counters,
        publisher: Publisher,
        chats: Chats,
        basic_groups: BasicGroups,
        channels: Channels,
    ) -> None:
        self._world, self._clock, self._counters, self._publisher = world, clock, counters, publisher
        self._kinds: dict[str, Any] = {"person": chats, "basic": basic_groups, "supergroup": channels, "channel": channels}

    def sent_before(self, sender: Person, random_id: int) -> Message | None:
        """Return the message that a sender made with this random_id, if there is one; this counts it as a repeat."""
        message = self._world.box(sender.id).by_random_id.get(random_id)
        if message is not None:
            self._counters.sends_deduplicated += 1
        return message

    def send(self, sender: Person, peer: Peer, draft: Draft, skip: Key | None = None) -> Message:
        """Send a message and push it, except to `skip`, whose answer tells. Return what the sender sees of it."""
        message: Message = self._in(peer).send(sender, peer, draft, skip)
        return message

    def read(self, reader: Person, peer: Peer, max_id: int, skip: Key | None = None) -> bool:
        """Mark a chat as read up to `max_id`, 0 means wholly; False: it was already."""
        return bool(self._in(peer).read(reader, peer, max_id, skip))

    def typing(self, person: Person, peer: Peer, action: Any) -> None:
        """Show the others what somebody is about to do; it has no pts and is not stored."""
        self._in(peer).typing(person, peer, action)

    def edit(self, message: Message, text: str, entities: bytes, skip: Key | None = None, file: int | None = None) -> Edit:
        """Give all copies of a message another text, and another file if there is one. Return the event in the box of `message`."""
        date = self._clock.now()
        edits = [
            Edit(copy.owner, self._world.box(copy.owner).pts + 1, copy.peer, copy.id, text, entities, date, file=file)
            for copy in self._copies(message)
        ]
        for edit in edits:
            self._publisher.publish(edit, skip)
        return next(edit for edit in edits if edit.owner == message.owner)

    def delete(self, messages: Iterable[Message], *, for_all: bool, skip: Key | None = None) -> None:
        """Delete messages, or all of their copies; each box has one event for all that goes from it."""
        doomed = [copy for message in messages for copy in (self._copies(message) if for_all else [message])]
        ids: dict[int, list[int]] = {}
        for message in doomed:
            ids.setdefault(message.owner, []).append(message.id)
        for owner, gone in ids.items():
            pts = self._world.box(owner).pts + len(gone)
            self._publisher.publish(Deletion(owner, pts, sorted(gone), len(gone), self._clock.now()), skip)

    def pin(self, message: Message, *, pinned: bool, for_all: bool, skip: Key | None = None) -> Pinning:
        """Pin a message, or take it down, in all copies or in this one. Return the event in the box of `message`."""
        date = self._clock.now()
        pinnings = [
            Pinning(copy.owner, self._world.box(copy.owner).pts + 1, copy.peer, [copy.id], pinned, date)
            for copy in (self._copies(message) if for_all else [message])
        ]
        for pinning in pinnings:
            self._publisher.publish(pinning, skip)
        return next(pinning for pinning in pinnings if pinning.owner == message.owner)

    def react(self, person: Person, message: Message, reactions: list[bytes], skip: Key | None = None) -> None:
        """Set a person's reactions to all copies of a message, and tell everybody who sees one."""
        for copy in self._copies(message):
            self._world.reactions.set(copy, person.id, reactions, self._clock.now())
            self._publisher.reacted(copy, skip)

    def _copies(self, message: Message) -> list[Message]:
        peer: Peer = self._world.groups.get(message.peer) or self._world.people[message.peer]
        copies: list[Message] = self._in(peer).copies(message)
        return copies

    def _in(self, peer: Peer) -> Any:
        return self._kinds["person" if isinstance(peer, Person) else peer.kind]
