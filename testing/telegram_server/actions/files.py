"""Uploading and downloading (https://core.telegram.org/api/files)."""

from __future__ import annotations

import secrets
from hashlib import md5

from testing.telegram_server.actions.images import image_size
from testing.telegram_server.clock import Clock
from testing.telegram_server.model.file import File, Upload
from testing.telegram_server.model.world import World

MAX_PART = 512 * 1024
MAX_PARTS = 4000
_SMALL_PARTS = 20  # a checksum comes only with files of at most 10 MB


class UploadError(Exception):
    """What is wrong with an upload, by Telegram's name for it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Files:
    """Parts come in, files are made of them, and pieces are read back."""

    def __init__(self, world: World, clock: Clock) -> None:
        self._world, self._clock = world, clock

    def save_part(self, user_id: int, file_id: int, part: int, data: bytes) -> None:
        """Store a part; the same part may come again and replaces the earlier one."""
        if not 0 <= part < MAX_PARTS:
            raise UploadError("FILE_PART_INVALID")
        if not data:
            raise UploadError("FILE_PART_EMPTY")
        if len(data) > MAX_PART:
            raise UploadError("FILE_PART_TOO_BIG")
        upload = self._world.uploads.setdefault((user_id, file_id), Upload(user_id, file_id, {}))
        upload.sizes[part] = len(data)
        self._world.store.put("part", f"{upload.prefix}{part}", data)

    def make_photo(self, user_id: int, file_id: int, parts: int, checksum: str, *, ttl_seconds: int | None = None) -> File:
        """Make a photo of an upload; only pictures are accepted."""
        upload = self._complete(user_id, file_id, parts, checksum)
        size = image_size(self._part(upload.prefix, 0))
        if size is None:
            raise UploadError("IMAGE_PROCESS_FAILED")
        file = File(
            id=secrets.randbits(62),
            kind="photo",
            upload=upload.prefix,
            part_size=upload.sizes[0],
            size=upload.size,
            date=self._clock.now(),
            mime_type="image/jpeg",
            width=size[0],
            height=size[1],
            ttl_seconds=ttl_seconds,
            dc=self._world.people[user_id].dc,
        )
        self._world.add_file(file)
        return file

    def make_document(
        self,
        user_id: int,
        file_id: int,
        parts: int,
        checksum: str,
        *,
        mime_type: str,
        name: str,
        attributes: bytes,
        thumbnail: int | None = None,
        ttl_seconds: int | None = None,
    ) -> File:
        """Make a document of an upload."""
        upload = self._complete(user_id, file_id, parts, checksum)
        file = File(
            id=secrets.randbits(62),
            kind="document",
            upload=upload.prefix,
            part_size=upload.sizes[0],
            size=upload.size,
            date=self._clock.now(),
            mime_type=mime_type,
            name=name,
            attributes=attributes,
            thumbnail=thumbnail,
            ttl_seconds=ttl_seconds,
            dc=self._world.people[user_id].dc,
        )
        self._world.add_file(file)
        return file

    def make_raw(self, data: bytes) -> File:
        """Make media of bytes that stand in its place, as they are."""
        file = File(id=secrets.randbits(62), kind="raw", upload="", part_size=1, size=0, date=self._clock.now(), attributes=data)
        self._world.add_file(file)
        return file

    def _complete(self, user_id: int, file_id: int, parts: int, checksum: str) -> Upload:
        upload = self._world.uploads.get((user_id, file_id))
        if upload is None or not 0 < parts <= MAX_PARTS:
            raise UploadError("FILE_PARTS_INVALID")
        for part in range(parts):
            size = upload.sizes.get(part)
            if size is None:
                raise UploadError(f"FILE_PART_{part}_MISSING")
            if part < parts - 1 and size != upload.sizes[0]:
                raise UploadError("FILE_PART_SIZE_CHANGED")
        if checksum and parts <= _SMALL_PARTS and self._md5(upload, parts) != checksum.lower():
            raise UploadError("MD5_CHECKSUM_INVALID")
        return upload

    def _md5(self, upload: Upload, parts: int) -> str:
        digest = md5(usedforsecurity=False)
        for part in range(parts):
            digest.update(self._part(upload.prefix, part))
        return digest.hexdigest()

    def read(self, file: File, offset: int, limit: int) -> bytes:
        """Return up to `limit` bytes from `offset`; nothing beyond the end."""
        end = min(offset + limit, file.size)
        pieces = []
        while offset < end:
            part, start = divmod(offset, file.part_size)
            piece = self._part(file.upload, part)[start : start + end - offset]
            if not piece:
                break
            pieces.append(piece)
            offset += len(piece)
        return b"".join(pieces)

    def _part(self, prefix: str, part: int) -> bytes:
        self._world.store.commit()
        return self._world.store.read("part", f"{prefix}{part}") or b""
