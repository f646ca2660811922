"""A file that was uploaded, as media that albums and edits may have: Telegram makes it of the upload once, for all attempts.

https://core.telegram.org/method/messages.uploadMedia
"""

from __future__ import annotations

from typing import Any

from telethon import errors
from telethon.tl import functions, types

from listener.telegram.operations.operation_runner import Connected
from listener.telegram.requests.errors import translate
from shared.errors import AvioError, Code


class KnownMedia:
    """Media of an upload, `media`, which a request may bring but once."""

    def __init__(self, media: Any) -> None:
        self._media = media
        self._made: Any = None

    async def of(self, at: Connected, peer: Any) -> Any:
        """Return it for a chat, as often as wanted; raise AvioError for Telegram's refusals, and what the client raises."""
        if self._made is None:
            try:
                answer = await at.client.invoke(functions.messages.UploadMediaRequest(peer, self._media))
            except errors.RPCError as error:
                raise translate(error) from error
            self._made = _input_of(answer)
        return self._made


def _input_of(media: Any) -> Any:
    match media:
        case types.MessageMediaPhoto(photo=types.Photo() as photo):
            return types.InputMediaPhoto(types.InputPhoto(photo.id, photo.access_hash, photo.file_reference))
        case types.MessageMediaDocument(document=types.Document() as document):
            return types.InputMediaDocument(types.InputDocument(document.id, document.access_hash, document.file_reference))
    raise AvioError(Code.TELEGRAM_ERROR, telegram_error=type(media).__name__)
