"""Opens the file of an attachment, wherever it is: in the request, in the bucket, or at an address."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from listener.core.media_files import MediaFiles
from listener.telegram.media.upload import MAX_BYTES
from shared.errors import AvioError, Code
from shared.media_bucket import safe_name, upload_key
from shared.model.ids import TenantId
from shared.rpc.send_attachments import Attachment

_UPLOAD_ID = re.compile(r"upl_[0-9a-f]{32}")


@dataclass(frozen=True)
class OpenFile:
    """A file to be read. `key` is the same for the same file."""

    key: str
    name: str
    chunks: Callable[[], AsyncGenerator[bytes, None]]


class OutgoingFiles:
    """Opens one tenant's files."""

    def __init__(self, tenant_id: TenantId, files: MediaFiles) -> None:
        self._tenant_id = tenant_id
        self._files = files

    def open(self, attachment: Attachment) -> OpenFile:
        """Return an attachment's file, of which nothing is read yet; raises `upload_not_found` for what is no upload's id."""
        if attachment.content is not None:
            return self._given(attachment.content, attachment)
        if attachment.upload_id is not None:
            return self._uploaded(attachment.upload_id, attachment)
        assert attachment.url is not None
        return self._at(attachment.url, attachment)

    def _given(self, content: bytes, attachment: Attachment) -> OpenFile:
        async def chunks() -> AsyncGenerator[bytes, None]:
            yield content

        return OpenFile("content:" + hashlib.sha256(content).hexdigest(), _name(attachment, ""), chunks)

    def _uploaded(self, upload_id: str, attachment: Attachment) -> OpenFile:
        if not _UPLOAD_ID.fullmatch(upload_id):
            raise AvioError(Code.UPLOAD_NOT_FOUND)
        key = upload_key(self._tenant_id, upload_id)

        async def chunks() -> AsyncGenerator[bytes, None]:
            async for chunk in self._files.read(key):
                yield chunk

        return OpenFile("upload:" + upload_id, _name(attachment, ""), chunks)

    def _at(self, url: str, attachment: Attachment) -> OpenFile:
        def chunks() -> AsyncGenerator[bytes, None]:
            return self._files.urls.read(url, MAX_BYTES)

        return OpenFile("url:" + hashlib.sha256(url.encode()).hexdigest(), _name(attachment, _path(url)), chunks)


def _path(url: str) -> str:
    try:
        return unquote(urlsplit(url).path)
    except ValueError:
        return ""  # it is refused when it is read


def _name(attachment: Attachment, otherwise: str) -> str:
    return safe_name(attachment.name or "") or safe_name(otherwise) or "file"
