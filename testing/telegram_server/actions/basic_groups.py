"""What people do in basic groups: every member has a copy of each message, under an id and pts of their own account.

https://core.telegram.org/api/channel#basic-groups
"""

from __future__ import annotations

from typing import Any

from telethon.tl import types

from testing.telegram_server.actions.draft import Draft
from testing.telegram_server.actions.publisher import Publisher
from testing.telegram_server.changes import Changes
from testing.telegram_server.clock import Clock
from testing.telegram_server.model.group import Group
from testing.telegram_server.model.key import Key
from testing.telegram_server.model.message import Message, Read
from testing.telegram_server.model.person import Person
from testing.telegram_server.model.world import World


class BasicGroups:
    """Messages of basic groups."""

    def __init__(self, world: World, clock: Clock, changes: Changes, publisher: Publisher) -> None:
        self._world, self._clock, self._changes, self._publisher = world, clock, changes, publisher

    def send(self, sender: Person, group: Group, draft: Draft, skip: Key | None = None) -> Message:
        """Put a message into the box of everybody who is in the group; return the sender's copy."""
        group.messages += 1
        self._world.groups.save(group)
        replied = self._world.box(sender.id).messages.get(draft.reply_to) if draft.reply_to is not None else None
        replies = self._world.groups.copies(replied) if replied is not None else {}
        owners = [sender.id, *(member.user_id for member in self._world.groups.present(group) if member.user_id != sender.id)]
        copies = [self._copy(owner, sender, group, draft, replies.get(owner)) for owner in owners]
        for copy in copies:
            self._publisher.publish(copy, skip)
        return copies[0]

    def _copy(self, owner: int, sender: Person, group: Group, draft: Draft, reply_to: int | None) -> Message:
        box = self._world.box(owner)
        return Message(
            owner=owner,
            id=box.next_id,
            peer=group.peer,
            sender=sender.id,
            date=self._clock.now(),
            text=draft.text,
            pts=box.pts + 1,
            entities=draft.entities,
            reply_to=reply_to,
            file=draft.file,
            spoiler=draft.spoiler,
            silent=draft.silent,
            album=draft.album,
            random_id=draft.random_id if owner == sender.id else None,
            number=group.messages,
            action=draft.action,
        )

    def copies(self, message: Message) -> list[Message]:
        """Return every copy of a message that is still there."""
        ids = self._world.groups.copies(message)
        found = [self._world.box(owner).messages.get(i) for owner, i in ids.items()]
        return [copy for copy in found if copy is not None]

    def read(self, reader: Person, group: Group, max_id: int, skip: Key | None = None) -> bool:
        """Mark the group as read up to `max_id`; whoever wrote what was read learns of it. False: it was already."""
        box = self._world.box(reader.id)
        chat = box.chats.get(group.peer)
        if chat is None or not chat.ids:
            return False
        max_id = min(max_id, chat.ids[-1]) if max_id > 0 else chat.ids[-1]
        if max_id <= chat.read_inbox:
            return False
        incoming = [box.messages[i] for i in chat.ids if chat.read_inbox < i <= max_id and box.messages[i].sender != reader.id]
        self._publisher.publish(Read(reader.id, box.pts + 1, "inbox", group.peer, max_id, box.unread_above(chat, max_id)), skip)
        for sender, message in {message.sender: message for message in incoming}.items():
            self._was_read(sender, group, self._world.groups.copies(message).get(sender, 0))
        return True

    def _was_read(self, sender: int, group: Group, max_id: int) -> None:
        box = self._world.box(sender)
        if max_id > box.chat(group.peer).read_outbox:
            self._publisher.publish(Read(sender, box.pts + 1, "outbox", group.peer, max_id))

    def typing(self, person: Person, group: Group, action: Any) -> None:
        """Show the others what somebody is about to do."""
        update = types.UpdateChatUserTyping(group.id, types.PeerUser(person.id), action)
        for member in self._world.groups.present(group):
            if member.user_id != person.id:
                self._publisher.tell(member.user_id, [update], peers=[group.peer])
                self._changes.add("typing", member.user_id, lambda: {"chat_id": group.peer, "action": type(action).__name__})
