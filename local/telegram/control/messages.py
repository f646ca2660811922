"""Acting as a person on their phone: send, read, see what arrived."""

from __future__ import annotations

import secrets
from typing import Any

from telethon.tl import types

from local.telegram.acts.chats import Draft
from local.telegram.acts.files import MAX_PART, UploadError
from local.telegram.control.errors import ControlError, not_found
from local.telegram.control.people import PeopleControl
from local.telegram.control.specs import MediaSpec, MessageFilter, SendSpec
from local.telegram.model.message import Message
from local.telegram.model.person import Person
from local.telegram.mtproto.answers import serialized
from local.telegram.rpc.errors import RpcError
from local.telegram.rpc.sending import check_may_write
from local.telegram.services import Services
from local.telegram.views.documents import message_json


class MessagesControl:
    """The chats of people, from their own phones."""

    def __init__(self, services: Services, people: PeopleControl) -> None:
        self._services, self._world, self._people = services, services.world, people

    def send(self, handle: str, spec: SendSpec) -> dict[str, Any]:
        """Send a message as a person; it reaches the other's clients, and the person's own, as any message does."""
        sender = self._people.find(handle)
        peer = sender if spec.to == "me" else self._people.find(spec.to)
        if not spec.text.strip() and spec.media is None:
            raise ControlError(422, "empty_message", "a message needs a text or media")
        if not peer.registered:
            raise ControlError(409, "not_registered", f"+{peer.phone} has no Telegram account")
        try:
            check_may_write(sender, peer)
        except RpcError as error:
            raise ControlError(403, error.name, f"Telegram would refuse this with {error.code} {error.name}") from error
        if spec.reply_to is not None and spec.reply_to not in self._world.box(sender.id).messages:
            raise not_found("message", spec.reply_to)
        file = self._upload(sender, spec.media) if spec.media else None
        message = self._services.chats.send(sender, peer, Draft(spec.text, reply_to=spec.reply_to, file=file))
        self._services.hub.flush()
        return message_json(self._world, message)

    def _upload(self, sender: Person, media: MediaSpec) -> int:
        files, file_id = self._services.files, secrets.randbits(62)
        parts = [media.content[start : start + MAX_PART] for start in range(0, len(media.content), MAX_PART)]
        try:
            for number, part in enumerate(parts):
                files.save_part(sender.id, file_id, number, part)
            if media.kind == "photo":
                return files.make_photo(sender.id, file_id, len(parts), "").id
            attributes = serialized([types.DocumentAttributeFilename(media.name)])
            return files.make_document(
                sender.id, file_id, len(parts), "", mime_type=media.mime_type, name=media.name, attributes=attributes
            ).id
        except UploadError as error:
            raise ControlError(422, error.name, "the media is not acceptable") from error

    def read(self, handle: str, chat: str, max_id: int = 0) -> bool:
        """Mark a chat as read; False when it was already."""
        changed = self._services.chats.read(self._people.find(handle), self._people.find(chat), max_id)
        self._services.hub.flush()
        return changed

    def typing(self, handle: str, chat: str) -> None:
        self._services.chats.typing(self._people.find(handle), self._people.find(chat), types.SendMessageTypingAction())
        self._services.hub.flush()

    def chats(self, handle: str) -> list[dict[str, Any]]:
        """Return a person's chats, the one with the newest message first."""
        box = self._world.box(self._people.find(handle).id)
        last = sorted((box.messages[chat.ids[-1]] for chat in box.chats.values() if chat.ids), key=lambda message: -message.id)
        return [
            {"unread": box.chats[message.peer].unread, "last": (shown := message_json(self._world, message)), "chat": shown["chat"]}
            for message in last
        ]

    def select(self, handle: str, wanted: MessageFilter | None = None) -> list[dict[str, Any]]:
        """Return messages of a person's box, oldest first."""
        wanted = wanted or MessageFilter()
        person = self._people.find(handle)
        chat = self._people.find(wanted.chat).id if wanted.chat else None
        found = [message for message in self._world.box(person.id).messages.values() if _matches(message, wanted, chat)]
        return [message_json(self._world, message) for message in found[: wanted.limit]]

    async def wait(self, handle: str, count: int = 1, wait_s: float = 10, wanted: MessageFilter | None = None) -> list[dict[str, Any]]:
        """Return messages once there are `count` of them, or whatever there is after `wait_s` seconds."""
        found = await self._services.changes.until(
            lambda: messages if len(messages := self.select(handle, wanted)) >= count else None, wait_s
        )
        return found if found is not None else self.select(handle, wanted)

    def media(self, handle: str, message_id: int) -> tuple[bytes, str]:
        """Return the bytes and type of a message's file."""
        message = self._world.box(self._people.find(handle).id).messages.get(message_id)
        if message is None or message.file is None:
            raise not_found("media", message_id)
        file = self._world.files[message.file]
        return self._services.files.read(file, 0, file.size), file.mime_type or "application/octet-stream"


def _matches(message: Message, wanted: MessageFilter, chat: int | None) -> bool:
    if message.id <= wanted.after_id or (chat is not None and message.peer != chat):
        return False
    if wanted.direction is not None and (message.sender == message.owner) is not (wanted.direction == "out"):
        return False
    return wanted.contains is None or wanted.contains in message.text
