"""upload.*: parts of files up and down (https://core.telegram.org/api/files)."""

from __future__ import annotations

from typing import Any

from telethon.tl import functions, types

from testing.telegram_server.actions.files import MAX_PARTS, UploadError
from testing.telegram_server.rpc.call import Call
from testing.telegram_server.rpc.errors import bad_request, see_other
from testing.telegram_server.rpc.input_media import known_file
from testing.telegram_server.rpc.table import Methods
from testing.telegram_server.views.media import THUMBNAIL

METHODS = Methods()
_MEBIBYTE = 1 << 20
_LOCATIONS = (types.InputDocumentFileLocation, types.InputPhotoFileLocation)


@METHODS.serves(functions.upload.SaveFilePartRequest)
def save_file_part(call: Call, request: Any) -> Any:
    return _save(call, request)


@METHODS.serves(functions.upload.SaveBigFilePartRequest)
def save_big_file_part(call: Call, request: Any) -> Any:
    if not (request.file_total_parts == -1 or 0 < request.file_total_parts <= MAX_PARTS):
        raise bad_request("FILE_PARTS_INVALID")
    return _save(call, request)


@METHODS.serves(functions.upload.GetFileRequest)
def get_file(call: Call, request: Any) -> Any:
    """Return a piece of a file; offset and limit as documented, or LIMIT_INVALID / OFFSET_INVALID."""
    if not isinstance(request.location, _LOCATIONS):
        raise bad_request("LOCATION_INVALID")
    _check_range(request)
    location = request.location
    file = known_file(call, location.id, location.access_hash, location.file_reference)
    if file.thumbnail is not None and location.thumb_size == THUMBNAIL:
        file = call.world.files[file.thumbnail]
    if file.dc != call.key.dc:
        raise see_other(f"FILE_MIGRATE_{file.dc}")
    kind = types.storage.FileJpeg() if file.kind == "photo" else types.storage.FileUnknown()
    return types.upload.File(kind, file.date, call.services.files.read(file, request.offset, request.limit))


def _check_range(request: Any) -> None:
    unit = 1024 if request.precise else 4096
    if request.offset < 0 or request.offset % unit:
        raise bad_request("OFFSET_INVALID")
    if request.limit <= 0 or request.limit > _MEBIBYTE or request.limit % unit or (not request.precise and _MEBIBYTE % request.limit):
        raise bad_request("LIMIT_INVALID")
    if request.offset // _MEBIBYTE != (request.offset + request.limit - 1) // _MEBIBYTE:
        raise bad_request("LIMIT_INVALID")


def _save(call: Call, request: Any) -> bool:
    try:
        call.services.files.save_part(call.me.id, request.file_id, request.file_part, request.bytes)
    except UploadError as error:
        raise bad_request(error.name) from error
    return True
