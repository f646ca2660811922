"""Where the bytes of a message's media are at Telegram: found anew from the message for each download.

So nothing of it is stored: no access hash, and no file reference, which expires within hours
(https://core.telegram.org/api/file-references).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from telethon import errors, utils
from telethon.tl import functions, types

from listener.telegram.requests.errors import translate
from listener.telegram.updates.event_mapping import SERVICE_USER_ID
from listener.telegram.updates.media_description import bytes_of, file_name, largest
from listener.telegram.updates.media_id import MediaPlace
from shared.errors import AvioError, Code

Invoke = Callable[[Any], Awaitable[Any]]
_PHOTO_TYPE = "image/jpeg"  # https://core.telegram.org/api/files#image-thumbnail-types: photos and their sizes are JPEG


@dataclass(frozen=True)
class Source:
    """A file at Telegram. `key` is the same for the same bytes; `size` is in bytes."""

    location: Any
    dc_id: int
    key: str
    size: int
    mime_type: str
    name: str | None


async def find_source(invoke: Invoke, peer: Any, place: MediaPlace, *, thumbnail: bool) -> Source:
    """Return where the media at a place is now; `peer` is the input peer of its chat.

    Raises `media_expired`, `media_self_destructs`, `media_has_no_thumbnail`, and Telegram's refusals.
    """
    message = await _message(invoke, peer, place)
    media = getattr(message, "media", None)
    if getattr(media, "ttl_seconds", None):
        raise AvioError(Code.MEDIA_SELF_DESTRUCTS)
    match media:
        case types.MessageMediaPhoto(photo=types.Photo() as photo):
            return _of_photo(photo, thumbnail=thumbnail)
        case types.MessageMediaDocument(document=types.Document() as document):
            return _of_thumbnail(document) if thumbnail else _of_document(document)
    raise AvioError(Code.MEDIA_EXPIRED)


async def _message(invoke: Invoke, peer: Any, place: MediaPlace) -> Any:
    if place.chat_id == SERVICE_USER_ID:
        raise AvioError(Code.MEDIA_EXPIRED)  # log-in codes come from there: nothing of that chat is shown
    wanted = [types.InputMessageID(place.message_id)]
    if isinstance(peer, types.InputPeerChannel):
        request = functions.channels.GetMessagesRequest(types.InputChannel(peer.channel_id, peer.access_hash), wanted)
    else:
        request = functions.messages.GetMessagesRequest(wanted)
    try:
        found = (await invoke(request)).messages
    except errors.RPCError as error:
        if (refusal := translate(error)).code is Code.PEER_NOT_FOUND:
            raise AvioError(Code.MEDIA_EXPIRED) from error
        raise refusal from error
    return next((one for one in found if isinstance(one, types.Message) and utils.get_peer_id(one.peer_id) == place.chat_id), None)


def _of_photo(photo: types.Photo, *, thumbnail: bool) -> Source:
    size = _smallest(photo.sizes) if thumbnail else largest(photo)
    if size is None:
        raise AvioError(Code.MEDIA_HAS_NO_THUMBNAIL if thumbnail else Code.MEDIA_EXPIRED)
    location = types.InputPhotoFileLocation(photo.id, photo.access_hash, photo.file_reference, size.type)
    return Source(location, photo.dc_id, f"{photo.id}-{size.type}", bytes_of(size), _PHOTO_TYPE, None)


def _of_document(document: types.Document) -> Source:
    location = types.InputDocumentFileLocation(document.id, document.access_hash, document.file_reference, "")
    return Source(location, document.dc_id, str(document.id), document.size, document.mime_type, file_name(document))


def _of_thumbnail(document: types.Document) -> Source:
    size = _smallest(document.thumbs or [])
    if size is None:
        raise AvioError(Code.MEDIA_HAS_NO_THUMBNAIL)
    location = types.InputDocumentFileLocation(document.id, document.access_hash, document.file_reference, size.type)
    return Source(location, document.dc_id, f"{document.id}-{size.type}", bytes_of(size), _PHOTO_TYPE, None)


def _smallest(sizes: list[Any]) -> Any | None:
    """Return the smallest size that can be downloaded and is wide enough to recognise something, else the smallest of all."""
    usable = sorted((one for one in sizes if isinstance(one, types.PhotoSize | types.PhotoSizeProgressive)), key=lambda one: one.w * one.h)
    return next((one for one in usable if max(one.w, one.h) >= 100), None) or next(iter(usable), None)
