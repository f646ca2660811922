"""Acting as a person on their phone: send, read, see what arrived."""

from __future__ import annotations

import secrets
from base64 import b64encode
from typing import Any

from telethon.tl import types

from testing.telegram_server.actions.draft import Draft
from testing.telegram_server.actions.files import MAX_PART, UploadError
from testing.telegram_server.actions.talk import Peer
from testing.telegram_server.control.errors import ControlError, not_found
from testing.telegram_server.control.groups import GroupsControl
from testing.telegram_server.control.people import PeopleControl
from testing.telegram_server.control.specs import EditSpec, MediaSpec, MessageFilter, SendManySpec, SendSpec
from testing.telegram_server.model.dialog import dialog_of, dialogs_of
from testing.telegram_server.model.message import Message
from testing.telegram_server.model.peer import is_channel
from testing.telegram_server.model.person import Person
from testing.telegram_server.mtproto.answers import serialized
from testing.telegram_server.rpc.errors import RpcError
from testing.telegram_server.rpc.peers import number
from testing.telegram_server.rpc.rights import check_may_write, may_delete_for_all
from testing.telegram_server.services import Services
from testing.telegram_server.views.documents import chat_json, message_json


class MessagesControl:
    """The chats of people, from their own phones."""

    def __init__(self, services: Services, people: PeopleControl, groups: GroupsControl) -> None:
        self._services, self._world, self._people, self._groups = services, services.world, people, groups

    def send(self, handle: str, spec: SendSpec) -> dict[str, Any]:
        """Send a message as a person; it reaches the other's clients, and the person's own, as any message does."""
        sender = self._people.find(handle)
        message = self._send(sender, spec)
        self._services.hub.flush()
        return message_json(self._world, message, sender.id)

    def send_many(self, spec: SendManySpec) -> int:
        """Send messages in their order, made durable together; return how many. The first that is refused ends it."""
        try:
            for one in spec.messages:
                self._send(self._people.find(one.sender), one)
        finally:
            self._services.hub.flush()
        return len(spec.messages)

    def _send(self, sender: Person, spec: SendSpec) -> Message:
        peer = sender if spec.to == "me" else self._peer(spec.to)
        if not spec.text.strip() and spec.media is None:
            raise ControlError(422, "empty_message", "a message needs a text or media")
        if isinstance(peer, Person) and not peer.registered:
            raise ControlError(409, "not_registered", f"+{peer.phone} has no Telegram account")
        try:
            check_may_write(self._world, sender, peer)
        except RpcError as error:
            raise ControlError(403, error.name, f"Telegram would refuse this with {error.code} {error.name}") from error
        if spec.reply_to is not None:
            self._message(sender, number(peer), spec.reply_to)
        file = self._upload(sender, spec.media) if spec.media else None
        return self._services.talk.send(sender, peer, Draft(spec.text, reply_to=spec.reply_to, file=file))

    def edit(self, handle: str, message_id: int, spec: EditSpec) -> dict[str, Any]:
        """Give a person's own message another text, for everybody. A supergroup's or channel's message needs its `chat`."""
        sender = self._people.find(handle)
        message = self._message(sender, number(self._peer(spec.chat)) if spec.chat else None, message_id)
        if message.sender != sender.id:
            raise ControlError(403, "MESSAGE_AUTHOR_REQUIRED", "only who wrote a message may change it")
        self._services.talk.edit(message, spec.text, b"")
        self._services.hub.flush()
        return message_json(self._world, message, sender.id)

    def delete(self, handle: str, message_id: int, chat: str | None = None, *, for_all: bool = True) -> None:
        """Delete a message, for everybody or only in a person's own box."""
        person = self._people.find(handle)
        message = self._message(person, number(self._peer(chat)) if chat else None, message_id)
        for_all = for_all or is_channel(message.owner)
        if for_all and not may_delete_for_all(self._world, person, message):
            raise ControlError(403, "MESSAGE_DELETE_FORBIDDEN", "only its sender and admins delete a message for everybody")
        self._services.talk.delete([message], for_all=for_all)
        self._services.hub.flush()

    def _peer(self, handle: str) -> Peer:
        return self._groups.seek(handle) or self._people.find(handle)

    def _message(self, person: Person, chat: int | None, message_id: int) -> Message:
        box = dialog_of(self._world, person.id, chat).box if chat is not None else self._world.box(person.id)
        message = box.messages.get(message_id)
        if message is None or chat not in (None, message.peer):
            raise not_found("message", message_id)
        return message

    def _upload(self, sender: Person, media: MediaSpec) -> int:
        files, file_id = self._services.files, secrets.randbits(62)
        parts = [media.content[start : start + MAX_PART] for start in range(0, len(media.content), MAX_PART)]
        try:
            for number, part in enumerate(parts):
                files.save_part(sender.id, file_id, number, part)
            if media.kind == "raw":
                return files.make_raw(media.content).id
            if media.kind == "photo":
                return files.make_photo(sender.id, file_id, len(parts), "", ttl_seconds=media.ttl_seconds).id
            thumbnail = self._upload(sender, MediaSpec(content=b64encode(media.thumbnail), kind="photo")) if media.thumbnail else None
            attributes = serialized([types.DocumentAttributeFilename(media.name)])
            return files.make_document(
                sender.id,
                file_id,
                len(parts),
                "",
                mime_type=media.mime_type,
                name=media.name,
                attributes=attributes,
                thumbnail=thumbnail,
                ttl_seconds=media.ttl_seconds,
            ).id
        except UploadError as error:
            raise ControlError(422, error.name, "the media is not acceptable") from error

    def read(self, handle: str, chat: str, max_id: int = 0) -> bool:
        """Mark a chat as read; False when it was already."""
        changed = self._services.talk.read(self._people.find(handle), self._peer(chat), max_id)
        self._services.hub.flush()
        return changed

    def typing(self, handle: str, chat: str) -> None:
        self._services.talk.typing(self._people.find(handle), self._peer(chat), types.SendMessageTypingAction())
        self._services.hub.flush()

    def chats(self, handle: str) -> list[dict[str, Any]]:
        """Return a person's chats, the one with the newest message first."""
        person_id = self._people.find(handle).id
        return [
            {
                "unread": dialog.chat.unread,
                "unread_mark": self._world.unread_marks.has(person_id, dialog.peer),
                "last": message_json(self._world, dialog.last, person_id),
                "chat": chat_json(self._world, dialog.peer),
            }
            for dialog in dialogs_of(self._world, person_id)
            if dialog.last is not None
        ]

    def select(self, handle: str, wanted: MessageFilter | None = None) -> list[dict[str, Any]]:
        """Return messages of a person's box, oldest first; those of a supergroup or channel when it is the `chat`."""
        wanted = wanted or MessageFilter()
        person = self._people.find(handle)
        chat = number(self._peer(wanted.chat)) if wanted.chat else None
        box = dialog_of(self._world, person.id, chat).box if chat is not None else self._world.box(person.id)
        found = [message for message in box.messages.values() if _matches(message, wanted, chat, person.id)]
        return [message_json(self._world, message, person.id) for message in found[: wanted.limit]]

    async def wait(self, handle: str, count: int = 1, wait_s: float = 10, wanted: MessageFilter | None = None) -> list[dict[str, Any]]:
        """Return messages once there are `count` of them, or whatever there is after `wait_s` seconds."""
        found = await self._services.changes.until(
            lambda: messages if len(messages := self.select(handle, wanted)) >= count else None, wait_s
        )
        return found if found is not None else self.select(handle, wanted)

    def media(self, handle: str, message_id: int, chat: str | None = None) -> tuple[bytes, str]:
        """Return the bytes and type of a message's file; one in a supergroup or channel needs its `chat`."""
        person = self._people.find(handle)
        message = self._message(person, number(self._peer(chat)) if chat else None, message_id)
        if message.file is None:
            raise not_found("media", message_id)
        file = self._world.files[message.file]
        return self._services.files.read(file, 0, file.size), file.mime_type or "application/octet-stream"


def _matches(message: Message, wanted: MessageFilter, chat: int | None, viewer: int) -> bool:
    if message.id <= wanted.after_id or (chat is not None and message.peer != chat):
        return False
    if wanted.direction is not None and (message.sender == viewer) is not (wanted.direction == "out"):
        return False
    return wanted.contains is None or wanted.contains in message.text
