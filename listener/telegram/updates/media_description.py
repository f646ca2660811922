"""Describes the media of a message for its event: what it is for, and how large. Whatever Telegram adds later is `other`.

https://core.telegram.org/type/MessageMedia, https://core.telegram.org/type/DocumentAttribute
"""

from __future__ import annotations

from typing import Any

from telethon.tl import types

from listener.telegram.updates.media_id import MediaPlace, media_id
from shared.model.event import Media, MediaType
from shared.model.ids import TenantId

_BY_CONSTRUCTOR: dict[type, MediaType] = {
    types.MessageMediaContact: "contact",
    types.MessageMediaGeo: "location",
    types.MessageMediaGeoLive: "location",
    types.MessageMediaVenue: "venue",
    types.MessageMediaPoll: "poll",
    types.MessageMediaDice: "dice",
    types.MessageMediaGame: "game",
    types.MessageMediaInvoice: "invoice",
    types.MessageMediaStory: "story",
    types.MessageMediaGiveaway: "giveaway",
    types.MessageMediaGiveawayResults: "giveaway",
    types.MessageMediaPaidMedia: "paid_media",
}


def described(media: Any, tenant_id: TenantId, place: MediaPlace) -> Media | None:
    """Return what an event says of media; None for no media, and for the preview of a link."""
    match media:
        case None | types.MessageMediaEmpty() | types.MessageMediaWebPage():
            return None
        case types.MessageMediaPhoto():
            return _photo(media.photo, media_id(tenant_id, place))
        case types.MessageMediaDocument(document=types.Document() as document):
            return _document(document, media_id(tenant_id, place))
        case types.MessageMediaDocument():  # a document that is gone: flags alone say what it was
            return Media(type=_gone_type(media), id=media_id(tenant_id, place))
        case _:
            return Media(type=_BY_CONSTRUCTOR.get(type(media), "other"))


def largest(photo: Any) -> Any | None:
    """Return the largest of a photo's sizes; None if it has none that can be downloaded."""
    sizes = [size for size in photo.sizes if isinstance(size, types.PhotoSize | types.PhotoSizeProgressive)]
    return max(sizes, key=lambda size: size.w * size.h, default=None)


def bytes_of(size: Any) -> int:
    """Return how many bytes a photo's or thumbnail's size has."""
    return int(max(size.sizes)) if isinstance(size, types.PhotoSizeProgressive) else int(size.size)


def attribute(document: types.Document, kind: type) -> Any | None:
    """Return a document's attribute of a kind, None if it has none."""
    return next((one for one in document.attributes if isinstance(one, kind)), None)


def file_name(document: types.Document) -> str | None:
    """Return the name that the sender gave a document."""
    named = attribute(document, types.DocumentAttributeFilename)
    return named.file_name if named else None


def _photo(photo: Any, found_by: str) -> Media:
    size = largest(photo) if isinstance(photo, types.Photo) else None
    if size is None:
        return Media(type="photo", id=found_by, mime_type="image/jpeg")
    return Media(type="photo", id=found_by, mime_type="image/jpeg", size=bytes_of(size), width=size.w, height=size.h)


def _document(document: types.Document, found_by: str) -> Media:
    video, audio = attribute(document, types.DocumentAttributeVideo), attribute(document, types.DocumentAttributeAudio)
    sized = video or attribute(document, types.DocumentAttributeImageSize)
    timed = video or audio
    return Media(
        type=document_type(document),
        id=found_by,
        mime_type=document.mime_type,
        name=file_name(document),
        size=document.size,
        width=sized.w if sized else None,
        height=sized.h if sized else None,
        duration=timed.duration if timed else None,
    )


def document_type(document: types.Document) -> MediaType:
    """Return what a document is for, by its attributes. First come those that a video may have as well."""
    attributes = {type(one): one for one in document.attributes}
    if types.DocumentAttributeSticker in attributes:
        return "sticker"
    if types.DocumentAttributeAnimated in attributes:
        return "animation"
    if video := attributes.get(types.DocumentAttributeVideo):
        return "video_note" if video.round_message else "video"
    if audio := attributes.get(types.DocumentAttributeAudio):
        return "voice" if audio.voice else "audio"
    return "file"


def _gone_type(media: types.MessageMediaDocument) -> MediaType:
    if media.round:
        return "video_note"
    if media.voice:
        return "voice"
    return "video" if media.video else "file"
