"""The command `send/attachments`: files as Telegram groups them, with their captions, and a text that is the first file's caption.

    photos and videos     one album            files     one album            audio     one album            each voice note by itself

All files are at Telegram before anything is sent. A repeat sends the same albums with the same random ids.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from telethon import errors
from telethon.tl import functions, types

from listener.telegram.connection.client import Client
from listener.telegram.media.file_kinds import input_media
from listener.telegram.media.transfers import Transfers
from listener.telegram.media.upload import Uploaded
from listener.telegram.operations.outgoing import Outgoing, Part, SendOptions, SendTarget, Sent
from listener.telegram.requests.errors import translate
from shared.errors import AvioError, Code
from shared.rpc.send_attachments import AttachmentsSent, AttachmentType, SendAttachments

_RECIPIENT = re.compile(r"me|@\w+|-?[0-9]{1,19}")
_MESSAGE_ID = re.compile(r"[0-9]{1,10}")
_GROUPS: dict[AttachmentType, str] = {"photo": "visual", "video": "visual", "file": "file", "audio": "audio"}


class SendingAccount(Protocol):
    """An account that sends files."""

    async def send(self, message: Outgoing) -> Sent:
        """Send something once."""

    async def connected_client(self) -> Client:
        """Return the account's client once it is connected."""

    def transfers(self) -> Transfers:
        """Return the account's files on their way."""


class Files:
    """Files that are at Telegram, with their captions; `text` goes before them, where it is no caption."""

    def __init__(self, text: str, files: Sequence[tuple[Uploaded, AttachmentType | None, str]]) -> None:
        self._text = text
        self._media: list[tuple[AttachmentType, Any, str]] = [(*input_media(file, wanted), caption) for file, wanted, caption in files]
        self._made: dict[int, Any] = {}  # in an album each file is media of Telegram's first; once is enough for all attempts

    async def parts(self, target: SendTarget, random_ids: Sequence[int]) -> list[Part]:
        """Return the requests: the text's own, then one for each album and each file by itself."""
        found = []
        if self._text:
            request = functions.messages.SendMessageRequest(target.peer, self._text, random_id=random_ids[0], **target.common)
            found.append(Part(request, (random_ids[0],), (_has(self._text, media=False),)))
        ids = random_ids[1:] if self._text else random_ids
        for group in self._groups():
            found.append(await self._part(target, group, [ids[number] for number in group]))
        return found

    def _groups(self) -> list[list[int]]:
        """Return which files share an album, in the order of their first."""
        groups: dict[str, list[int]] = {}
        for number, (kind, _, _) in enumerate(self._media):
            groups.setdefault(_GROUPS.get(kind, f"alone-{number}"), []).append(number)
        return list(groups.values())

    async def _part(self, target: SendTarget, group: list[int], random_ids: list[int]) -> Part:
        captions = [self._media[number][2] for number in group]
        alike = tuple(_has(caption, media=True) for caption in captions)
        if len(group) == 1:
            media = self._media[group[0]][1]
            request: Any = functions.messages.SendMediaRequest(target.peer, media, captions[0], random_id=random_ids[0], **target.common)
        else:
            made = [await self._known(target, number) for number in group]
            album = zip(made, random_ids, captions, strict=True)
            singles = [types.InputSingleMedia(media, caption, random_id=random_id) for media, random_id, caption in album]
            request = functions.messages.SendMultiMediaRequest(target.peer, singles, **target.common)
        return Part(request, tuple(random_ids), alike)

    async def _known(self, target: SendTarget, number: int) -> Any:
        """Return a file as media that an album may have: Telegram makes it of the upload."""
        if number not in self._made:
            try:
                answer = await target.client.invoke(functions.messages.UploadMediaRequest(target.peer, self._media[number][1]))
            except errors.RPCError as error:
                raise translate(error) from error
            self._made[number] = _input_of(answer)
        return self._made[number]


def _input_of(media: Any) -> Any:
    match media:
        case types.MessageMediaPhoto(photo=types.Photo() as photo):
            return types.InputMediaPhoto(types.InputPhoto(photo.id, photo.access_hash, photo.file_reference))
        case types.MessageMediaDocument(document=types.Document() as document):
            return types.InputMediaDocument(types.InputDocument(document.id, document.access_hash, document.file_reference))
    raise AvioError(Code.TELEGRAM_ERROR, telegram_error=type(media).__name__)


def _has(text: str, *, media: bool) -> Callable[[Any], bool]:
    """Return what tells a message with this text from others."""
    return lambda message: message.message == text and (message.media is not None) is media


async def send_attachments(account: SendingAccount, command: SendAttachments) -> AttachmentsSent:
    """Run the command; raise `invalid_request` for ids that are not Telegram's, and what opening, uploading and sending raise."""
    reply_to, apart = command.reply_to, command.text_apart
    ids_wanted = len(command.attachments) + apart
    if not _RECIPIENT.fullmatch(command.to) or len(command.random_ids) != ids_wanted or not _MESSAGE_ID.fullmatch(reply_to or "0"):
        raise AvioError(Code.INVALID_REQUEST)
    await account.connected_client()
    transfers = account.transfers()
    ready = [await transfers.ready(attachment) for attachment in command.attachments]
    captions = [attachment.caption for attachment in command.attachments]
    if not apart and command.text:
        captions[0] = command.text
    wanted = [attachment.type for attachment in command.attachments]
    content = Files(command.text if apart else "", list(zip(ready, wanted, captions, strict=True)))
    options = SendOptions(reply_to=int(reply_to) if reply_to else None)
    sent = await account.send(Outgoing(command.to, content, tuple(command.random_ids), options))
    for uploaded in ready:
        transfers.sent(uploaded)
    return AttachmentsSent(chat_id=str(sent.chat_id), message_ids=tuple(map(str, sent.message_ids)), date=sent.date)
