"""Files to be sent (contract M4): where each is, what it is, and its caption."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any

from pydantic import Base64Encoder, ConfigDict, EncodedBytes, Field, StringConstraints
from pydantic_core import PydanticCustomError

from functions.http.openapi_responses import never_null
from functions.messages.delivery_fields import refused
from functions.messages.fields import MAX_TEXT
from functions.messages.formatted_fields import FormattedFields
from functions.messages.formatted_text import FormattedText, formatted
from shared.errors import AvioError, Code
from shared.rpc.send_attachments import CAPTION_UNITS, Attachment, AttachmentType

MAX_BODY_BYTES = 6_000_000
"""Lambda takes 6 MB: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html. In base64 that is some 4 MB of files."""

ATTACHMENT_ERRORS = (
    Code.ATTACHMENT_REFUSED,
    Code.CONTENT_FORBIDDEN,
    Code.ATTACHMENT_UNREACHABLE,
    Code.ATTACHMENT_TOO_LARGE,
    Code.ATTACHMENTS_UNDER_WAY,
    Code.UPLOAD_NOT_FOUND,
)
"""What a request with files can end with beside what one without can."""


BASE64 = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
"""What base64 looks like, without the line breaks that are taken too."""


class _Base64(Base64Encoder):
    """Base64 with line breaks or without, and nothing else in it: pydantic's own passes over what is none."""

    @classmethod
    def decode(cls, data: bytes) -> bytes:
        """Return what it stands for."""
        try:
            return base64.b64decode(data.translate(None, b"\r\n"), validate=True)
        except binascii.Error as error:
            raise PydanticCustomError("base64", "Give the file in base64.") from error


class NewAttachment(FormattedFields):
    """A file to be sent: exactly one of `url`, `upload_id` and `content` says where it is.

    `parse_mode` and `entities` format its caption.
    """

    model_config = ConfigDict(extra="forbid")

    type: Annotated[
        AttachmentType | None, Field(json_schema_extra=never_null, description="As what it is sent; by its bytes where it is left out.")
    ] = None
    name: Annotated[str, StringConstraints(max_length=255), Field(description="The file's name for the receiver.")] = ""
    caption: Annotated[str, StringConstraints(max_length=MAX_TEXT)] = ""
    url: Annotated[
        Annotated[str, StringConstraints(min_length=1, max_length=2000)] | None,
        Field(json_schema_extra=never_null, description="An https address that anybody can read."),
    ] = None
    upload_id: Annotated[
        Annotated[str, StringConstraints(max_length=64)] | None,
        Field(json_schema_extra=never_null, description="From `POST .../uploads`, once the file is there."),
    ] = None
    content: Annotated[
        Annotated[bytes, EncodedBytes(_Base64), Field(json_schema_extra={"pattern": BASE64})] | None,
        Field(repr=False, json_schema_extra=never_null, description="The file itself in base64: some 4 MB in one request."),
    ] = None

    def for_owner(self, field: str) -> Attachment:
        """Return it as the owner takes it; raise `contradictory_fields` unless it says once where the file is, and as its caption does."""
        if sum(one is not None for one in (self.url, self.upload_id, self.content)) != 1:
            raise refused(field, "Say where the file is by exactly one of url, upload_id and content.")
        caption = self._caption(field)
        fields: dict[str, Any] = {name: getattr(self, name) for name in ("type", "url", "upload_id", "content")}
        return Attachment.model_construct(**fields, name=self.name or None, caption=caption.text, entities=caption.entities)

    def _caption(self, field: str) -> FormattedText:
        try:
            return formatted(self.caption, self.parse_mode, self.entities_given(), CAPTION_UNITS, empty=True)
        except AvioError as error:
            raise _of_caption(error, field) from error


def _of_caption(error: AvioError, field: str) -> AvioError:
    """Return an error of a message's text as one of an attachment's caption."""
    if error.code is Code.MESSAGE_TOO_LONG:
        problem = f"A caption has {CAPTION_UNITS} UTF-16 units at most."
        return AvioError(error.code, f"{problem} Nothing was sent.", fields=[{"field": f"body.{field}.caption", "problem": problem}])
    places = [{**place, "field": _place(place["field"].removeprefix("body."), field)} for place in error.fields["fields"]]
    return AvioError(error.code, error.detail, fields=places)


def _place(within: str, field: str) -> str:
    return f"body.{field}." + ("caption" if within == "text" else within)
