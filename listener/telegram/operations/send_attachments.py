"""The command `send/attachments`: files as Telegram groups them, with their captions, and a text that is the first file's caption.

    photos and videos     one album            files     one album            audio     one album            each voice note by itself

All files are at Telegram before anything is sent. A repeat sends the same albums with the same random ids.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from telethon.tl import functions, types

from listener.telegram.connection.client import Client
from listener.telegram.media.file_kinds import input_media
from listener.telegram.media.transfers import Transfers
from listener.telegram.media.upload import Uploaded
from listener.telegram.operations.entities import telegram_entities
from listener.telegram.operations.known_media import KnownMedia
from listener.telegram.operations.outgoing import Outgoing, Part, SendTarget, Sent
from listener.telegram.operations.send_options import options_of
from listener.telegram.operations.send_text import Text, several_of
from shared.errors import AvioError, Code
from shared.rpc.send import FormattedPart, SeveralSent
from shared.rpc.send_attachments import AttachmentType, SendAttachments

_GROUPS: dict[AttachmentType, str] = {"photo": "visual", "video": "visual", "file": "file", "audio": "audio"}


class SendingAccount(Protocol):
    """An account that sends files."""

    async def send(self, message: Outgoing) -> Sent:
        """Send something once."""

    async def connected_client(self) -> Client:
        """Return the account's client once it is connected."""

    def transfers(self) -> Transfers:
        """Return the account's files on their way."""


@dataclass(frozen=True)
class CaptionedFile:
    """A file that is at Telegram, what it is sent as where the caller says so, and its caption."""

    file: Uploaded
    wanted: AttachmentType | None
    caption: FormattedPart


class Files:
    """Files that are at Telegram; `text` goes before them, where it is no caption."""

    def __init__(self, text: Text | None, files: Sequence[CaptionedFile]) -> None:
        self._text = text
        self._captions = [one.caption for one in files]
        self._media: list[tuple[AttachmentType, Any]] = [input_media(one.file, one.wanted) for one in files]
        self._known = [KnownMedia(media) for _, media in self._media]

    async def parts(self, target: SendTarget, random_ids: Sequence[int]) -> list[Part]:
        """Return the requests: the text's own, then one for each album and each file by itself."""
        before = await self._text.parts(target, random_ids[:1]) if self._text else []
        ids = random_ids[len(before) :]
        return before + [await self._part(target, group, [ids[number] for number in group]) for group in self._groups()]

    def _groups(self) -> list[list[int]]:
        """Return which files share an album, in the order of their first."""
        groups: dict[str, list[int]] = {}
        for number, (kind, _) in enumerate(self._media):
            groups.setdefault(_GROUPS.get(kind, f"alone-{number}"), []).append(number)
        return list(groups.values())

    async def _part(self, target: SendTarget, group: list[int], random_ids: list[int]) -> Part:
        alike = tuple(self._is_it(number) for number in group)
        if len(group) == 1:
            caption, entities = await self._caption(target, group[0])
            request: Any = functions.messages.SendMediaRequest(
                target.peer, self._media[group[0]][1], caption, random_id=random_ids[0], entities=entities, **target.common
            )
            return Part(request, tuple(random_ids), alike)
        singles = []
        for number, random_id in zip(group, random_ids, strict=True):
            caption, entities = await self._caption(target, number)
            singles.append(
                types.InputSingleMedia(await self._known[number].of(target, target.peer), caption, random_id=random_id, entities=entities)
            )
        return Part(functions.messages.SendMultiMediaRequest(target.peer, singles, **target.common), tuple(random_ids), alike)

    async def _caption(self, target: SendTarget, number: int) -> tuple[str, list[Any] | None]:
        caption = self._captions[number]
        return caption.text, await telegram_entities(target, caption.entities) or None

    def _is_it(self, number: int) -> Callable[[Any], bool]:
        """Return what tells a file's message from others."""
        kind, text = self._media[number][0], self._captions[number].text.strip()
        shown = types.MessageMediaPhoto if kind == "photo" else types.MessageMediaDocument
        return lambda message: message.message.strip() == text and isinstance(message.media, shown)


async def send_attachments(account: SendingAccount, command: SendAttachments) -> SeveralSent:
    """Run the command; raise `invalid_request` for ids that are not Telegram's, and what opening, uploading and sending raise.

    A repeat of what may have been sent, whose files cannot be had any more, is `outcome_unknown`.
    """
    options = options_of(command)
    if len(command.random_ids) != command.messages:
        raise AvioError(Code.INVALID_REQUEST)
    await account.connected_client()
    transfers = account.transfers()
    try:
        ready = [await transfers.ready(attachment) for attachment in command.attachments]
    except AvioError as error:
        raise _refusal_of(command, error) from error
    content = Files(*_contents(command, ready))
    try:
        sent = await account.send(Outgoing(command.to, content, command.random_ids, options))
    except AvioError as error:
        if error.code is Code.ATTACHMENT_REFUSED:  # Telegram does not keep an upload for ever
            transfers.forget(ready)
        raise
    transfers.forget(ready)
    return several_of(sent)


def _refusal_of(command: SendAttachments, error: AvioError) -> AvioError:
    """Return what the caller hears where a file cannot be had. Of a repeat it does not tell that nothing was sent."""
    if command.began_at is None:
        return error
    if error.code is Code.ATTACHMENTS_UNDER_WAY:
        detail = "The attachments are still on their way to Telegram. Send the same request again."
        return AvioError(error.code, detail, retry_after_s=error.retry_after_s)
    return AvioError(Code.OUTCOME_UNKNOWN)


def _contents(command: SendAttachments, ready: Sequence[Uploaded]) -> tuple[Text | None, list[CaptionedFile]]:
    """Return the text that is a message of its own, and the files; any other text is the first one's caption."""
    captions = [FormattedPart(text=one.caption, entities=one.entities) for one in command.attachments]
    if command.text and not command.text_apart:
        captions[0] = FormattedPart(text=command.text, entities=command.entities)
    text = Text(command.text, command.entities, command.link_preview) if command.text_apart else None
    given = zip(ready, command.attachments, captions, strict=True)
    return text, [CaptionedFile(file, attachment.type, caption) for file, attachment, caption in given]
