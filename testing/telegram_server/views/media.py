"""Photos and documents as one account sees them (https://core.telegram.org/api/files)."""

from __future__ import annotations

import hashlib
from typing import Any

from telethon.extensions import BinaryReader
from telethon.tl import types

from testing.telegram_server.model.file import File
from testing.telegram_server.model.message import Message
from testing.telegram_server.model.world import World
from testing.telegram_server.mtproto.raw import Raw

THUMBNAIL = "m"  # https://core.telegram.org/api/files#image-thumbnail-types


def file_reference(world: World, file: File) -> bytes:
    """Return the reference that a client must show to fetch the file."""
    return hashlib.blake2b(b"%d" % file.id, key=world.hash_secret, digest_size=16).digest()


def message_media(world: World, message: Message, viewer: int) -> Any:
    """Return the media of a message with the viewer's own access hash, or None."""
    return file_media(world, world.files[message.file], viewer, spoiler=message.spoiler) if message.file is not None else None


def file_media(world: World, file: File, viewer: int, *, spoiler: bool = False) -> Any:
    """Return a file as media, with the viewer's own access hash."""
    if file.kind == "raw":
        return Raw(file.attributes)
    if file.kind == "photo":
        return types.MessageMediaPhoto(photo=_photo(world, viewer, file), spoiler=spoiler, ttl_seconds=file.ttl_seconds)
    return types.MessageMediaDocument(document=_document(world, viewer, file), spoiler=spoiler, ttl_seconds=file.ttl_seconds)


def _photo(world: World, viewer: int, file: File) -> Any:
    sizes = [types.PhotoSize("x", file.width, file.height, file.size)]
    return types.Photo(file.id, world.access_hash(viewer, file.id), file_reference(world, file), file.date, sizes, file.dc)


def _thumbs(world: World, file: File) -> list[Any] | None:
    if file.thumbnail is None:
        return None
    shown = world.files[file.thumbnail]
    return [types.PhotoSize(THUMBNAIL, shown.width, shown.height, shown.size)]


def document_attributes(file: File) -> list[Any]:
    """Return a document's attributes."""
    return BinaryReader(file.attributes).tgread_vector() if file.attributes else []


def _document(world: World, viewer: int, file: File) -> Any:
    attributes = document_attributes(file)
    access_hash, reference = world.access_hash(viewer, file.id), file_reference(world, file)
    thumbs = _thumbs(world, file)
    return types.Document(file.id, access_hash, reference, file.date, file.mime_type, file.size, file.dc, attributes, thumbs=thumbs)
