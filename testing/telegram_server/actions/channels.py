"""What people do in supergroups and channels: one message box for all, with a pts of its own.

https://core.telegram.org/api/channel, https://core.telegram.org/api/updates#message-related-event-sequences
"""

from __future__ import annotations

from typing import Any

from telethon.tl import types

from testing.telegram_server.actions.draft import Draft
from testing.telegram_server.actions.publisher import Publisher
from testing.telegram_server.changes import Changes
from testing.telegram_server.clock import Clock
from testing.telegram_server.model.dialog import dialog_of
from testing.telegram_server.model.group import Group
from testing.telegram_server.model.key import Key
from testing.telegram_server.model.message import Message
from testing.telegram_server.model.person import Person
from testing.telegram_server.model.world import World
from testing.telegram_server.views.channel_reads import inbox_update, outbox_update


class Channels:
    """Messages of supergroups and channels."""

    def __init__(self, world: World, clock: Clock, changes: Changes, publisher: Publisher) -> None:
        self._world, self._clock, self._changes, self._publisher = world, clock, changes, publisher

    def send(self, sender: Person, group: Group, draft: Draft, skip: Key | None = None) -> Message:
        """Put a message into the channel's box and push it to everybody who is in it."""
        box = self._world.box(group.peer)
        message = Message(
            owner=group.peer,
            id=box.next_id,
            peer=group.peer,
            sender=sender.id,
            date=self._clock.now(),
            text=draft.text,
            pts=box.pts + 1,
            entities=draft.entities,
            reply_to=draft.reply_to,
            file=draft.file,
            spoiler=draft.spoiler,
            silent=draft.silent,
            album=draft.album,
            random_id=draft.random_id,
            post=group.kind == "channel",
            action=draft.action,
        )
        self._publisher.publish(message, skip)
        return message

    def copies(self, message: Message) -> list[Message]:
        """Return the message: there is one for all."""
        return [message]

    def read(self, reader: Person, group: Group, max_id: int, skip: Key | None = None) -> bool:
        """Mark the channel as read up to `max_id` by one person; False: it was already.

        It counts in nobody's pts: `updateReadChannelInbox` names the channel's present one, `updateReadChannelOutbox` none.
        """
        ids, member = dialog_of(self._world, reader.id, group.peer).chat.ids, self._world.groups.member(group, reader.id)
        if member is None or not ids:
            return False
        max_id = min(max_id, ids[-1]) if max_id > 0 else ids[-1]
        if max_id <= member.read_inbox:
            return False
        messages = self._world.box(group.peer).messages
        newly = [messages[i] for i in ids if member.read_inbox < i <= max_id and messages[i].sender != reader.id]
        member.read_inbox, member.read_at = max_id, self._clock.now()
        self._world.groups.save_member(member)
        self._publisher.tell(reader.id, [inbox_update(self._world, group, reader.id)], skip, peers=[group.peer])
        self._note_read(reader.id, group, "inbox", max_id)
        for sender, message in {message.sender: message for message in newly if not message.post}.items():
            self._was_read(sender, group, message.id)
        return True

    def _was_read(self, sender: int, group: Group, max_id: int) -> None:
        member = self._world.groups.member(group, sender)
        if member is None or member.standing != "in" or max_id <= member.read_outbox:
            return
        member.read_outbox, member.read_at = max_id, self._clock.now()
        self._world.groups.save_member(member)
        self._publisher.tell(sender, [outbox_update(self._world, group, sender)], peers=[group.peer])
        self._note_read(sender, group, "outbox", max_id)

    def _note_read(self, person_id: int, group: Group, side: str, max_id: int) -> None:
        self._changes.add("read", person_id, lambda: {"chat_id": group.peer, "side": side, "max_id": max_id})

    def typing(self, person: Person, group: Group, action: Any) -> None:
        """Show the others what somebody is about to do."""
        update = types.UpdateChannelUserTyping(group.id, types.PeerUser(person.id), action)
        for member in self._world.groups.present(group):
            if member.user_id != person.id:
                self._publisher.tell(member.user_id, [update], peers=[group.peer])
                self._changes.add("typing", member.user_id, lambda: {"chat_id": group.peer, "action": type(action).__name__})
