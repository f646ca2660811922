"""Files: uploaded parts, and what a message's media refers to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from testing.telegram_server.model.data_centres import DC_ID
from testing.telegram_server.model.records import BYTES_AS_TEXT


@dataclass(slots=True)
class Upload:
    """Parts that one account has uploaded under a file id of its own choice; all but the last are of one size."""

    user_id: int
    file_id: int
    sizes: dict[int, int]

    @property
    def prefix(self) -> str:
        return f"{self.user_id}:{self.file_id}:"

    @property
    def size(self) -> int:
        return sum(self.sizes.values())


@dataclass(frozen=True, slots=True)
class File:
    """A photo or document that was sent at least once; its bytes are the parts of its upload. Of `raw` media `attributes` are the TL.

    `dc` is where it lies: the home of whoever uploaded it.
    """

    __pydantic_config__ = BYTES_AS_TEXT

    id: int
    kind: Literal["photo", "document", "raw"]
    upload: str
    part_size: int
    size: int
    date: int
    mime_type: str = ""
    name: str = ""
    attributes: bytes = b""
    width: int = 0
    height: int = 0
    thumbnail: int | None = None
    ttl_seconds: int | None = None
    dc: int = DC_ID
