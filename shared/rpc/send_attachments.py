"""The command that sends files, with or without a text."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, StringConstraints

from shared.model.ids import MessengerId
from shared.rpc.command import Command, Result

AttachmentType = Literal["photo", "video", "voice", "audio", "file"]
CAPTION_UNITS = 1024
"""UTF-16 units of a caption: `caption_length_max` of https://core.telegram.org/constructor/config."""
MAX_ATTACHMENTS = 10


class Attachment(BaseModel):
    """One file: at an address, in the bucket under `upload_id`, or in the request."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    type: AttachmentType | None = None
    name: str | None = Field(default=None, repr=False)
    caption: str = Field(default="", repr=False)
    url: str | None = Field(default=None, repr=False)
    upload_id: str | None = None
    content: Base64Bytes | None = Field(default=None, repr=False)


class AttachmentsSent(Result):
    """The messages that the files became, in the order of the attachments; a text of its own comes first."""

    chat_id: MessengerId = Field(alias="peer_resolved")
    message_ids: tuple[MessengerId, ...]
    date: datetime


class SendAttachments(Command[AttachmentsSent]):
    """Send files. There is a random id for each message; a text that is no caption takes the first."""

    name = "send/attachments"
    since = 2
    repeatable = False

    to: Annotated[str, StringConstraints(pattern=r"^\S{1,128}$")] = Field(repr=False)
    text: str = Field(default="", repr=False)
    attachments: tuple[Attachment, ...] = Field(min_length=1, max_length=MAX_ATTACHMENTS)
    random_ids: tuple[int, ...]
    reply_to: MessengerId | None = None

    @property
    def text_apart(self) -> bool:
        """Whether the text is a message of its own: it is longer than a caption, or the first file has a caption already."""
        return bool(self.text) and (bool(self.attachments[0].caption) or len(self.text.encode("utf-16-le")) // 2 > CAPTION_UNITS)
