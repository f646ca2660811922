"""Media as a request brings them: freshly uploaded, or known from an earlier message (https://core.telegram.org/type/InputMedia)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from telethon.tl import types

from testing.telegram_server.actions.files import UploadError
from testing.telegram_server.model.file import File
from testing.telegram_server.mtproto.answers import serialized
from testing.telegram_server.rpc.call import Call
from testing.telegram_server.rpc.errors import bad_request
from testing.telegram_server.views.media import file_reference


def media_file(call: Call, media: Any) -> File:
    """Return the file that a request's media stands for."""
    maker = _MAKERS.get(type(media))
    if maker is None:
        raise bad_request("MEDIA_INVALID")
    try:
        return maker(call, media)
    except UploadError as error:
        raise bad_request(error.name) from error


def known_file(call: Call, file_id: int, access_hash: int, reference: bytes) -> File:
    """Return a file that the caller was shown before, checking hash and reference."""
    file = call.world.files.get(file_id)
    if file is None or not call.world.same_hash(call.me.id, file_id, access_hash):
        raise bad_request("FILE_ID_INVALID")
    if reference != file_reference(call.world, file):
        raise bad_request("FILE_REFERENCE_INVALID")
    return file


def _uploaded_photo(call: Call, media: Any) -> File:
    given = media.file
    return call.services.files.make_photo(call.me.id, given.id, given.parts, _checksum(given))


def _uploaded_document(call: Call, media: Any) -> File:
    given = media.file
    named = [attribute.file_name for attribute in media.attributes if isinstance(attribute, types.DocumentAttributeFilename)]
    return call.services.files.make_document(
        call.me.id,
        given.id,
        given.parts,
        _checksum(given),
        mime_type=media.mime_type,
        name=named[0] if named else given.name,
        attributes=serialized(media.attributes),
    )


def _again(call: Call, media: Any) -> File:
    return known_file(call, media.id.id, media.id.access_hash, media.id.file_reference)


def _checksum(given: Any) -> str:
    checksum = getattr(given, "md5_checksum", "")
    return checksum if isinstance(checksum, str) else str(checksum)


KNOWN_MEDIA = (types.InputMediaPhoto, types.InputMediaDocument)
_MAKERS: dict[type, Callable[[Call, Any], File]] = {
    types.InputMediaUploadedPhoto: _uploaded_photo,
    types.InputMediaUploadedDocument: _uploaded_document,
    types.InputMediaPhoto: _again,
    types.InputMediaDocument: _again,
}
