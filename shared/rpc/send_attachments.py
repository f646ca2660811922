"""The command that sends files, with or without a text."""

from __future__ import annotations

from typing import Literal

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field

from shared.rpc.command import Command
from shared.rpc.delivery_options import DeliveryOptions
from shared.rpc.send import SeveralSent
from shared.rpc.text import MarkupEntity, utf16_length

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
    entities: tuple[MarkupEntity, ...] = Field((), repr=False)
    url: str | None = Field(default=None, repr=False)
    upload_id: str | None = None
    content: Base64Bytes | None = Field(default=None, repr=False)


class SendAttachments(DeliveryOptions, Command[SeveralSent]):
    """Send files; `message_ids` are in the order of the attachments, behind that of a text of its own.

    There is a random id for each message; a text that is no caption takes the first.
    """

    name = "send/attachments"
    since = 4
    repeatable = False

    text: str = Field(default="", repr=False)
    entities: tuple[MarkupEntity, ...] = Field((), repr=False)
    link_preview: bool = True
    attachments: tuple[Attachment, ...] = Field(min_length=1, max_length=MAX_ATTACHMENTS)
    random_ids: tuple[int, ...]

    @property
    def text_apart(self) -> bool:
        """Whether the text is a message of its own: it is longer than a caption, or the first file has a caption already."""
        return bool(self.text) and (bool(self.attachments[0].caption) or utf16_length(self.text) > CAPTION_UNITS)

    @property
    def messages(self) -> int:
        """How many messages it becomes."""
        return len(self.attachments) + self.text_apart
