"""What a provider may post to `/webhook` (contract P3, P4): a model for each event. Unknown fields are let through, and kept."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StrictInt, StringConstraints, WithJsonSchema, model_validator

from functions.providers.whatsapp_ids import id_of

MILLISECONDS_FROM = 10**11
"""From here on a number of `ts` counts milliseconds: as seconds it would be the year 5138."""
_LATEST = datetime.max.replace(tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?", re.ASCII)
_A_TIME = "This should be a time: seconds or milliseconds since 1970 as a number, or ISO 8601 like 2026-03-01T00:00:00Z."


def moment_of(value: Any) -> datetime:
    """Return the time in UTC that a value of `ts` means; ISO 8601 without an offset is UTC. Raises ValueError."""
    try:
        if isinstance(value, str):
            return _iso(value.strip().upper())
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
            seconds = value if value < MILLISECONDS_FROM else 0
            return _EPOCH + timedelta(seconds=seconds, milliseconds=0 if seconds or not value else value)
    except (OverflowError, ValueError):
        pass
    raise ValueError(_A_TIME)


def _iso(text: str) -> datetime:
    if not _ISO.fullmatch(text):
        raise ValueError(_A_TIME)
    at = datetime.fromisoformat(text)
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return max(at, _EPOCH)


def _whatsapp_id(written: str) -> str:
    id_of(written)
    return written


TenantName = Annotated[
    Annotated[StrictInt, Field(ge=1)] | Annotated[str, StringConstraints(min_length=1, max_length=36)],
    Field(description="The tenant, by its `number` or its `id`: the one that the token was made for.", examples=[7]),
]
Moment = Annotated[
    datetime,
    BeforeValidator(moment_of),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0, "maximum": 253402300799999}, {"type": "string", "format": "date-time"}]}),
    Field(description="When: seconds since 1970, milliseconds (from 10^11), or ISO 8601.", examples=[1716748800]),
]
WhatsAppId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100),
    AfterValidator(_whatsapp_id),
    Field(description="A phone in international form, or a JID.", examples=["79991234567"]),
]
Provider = Annotated[str, StringConstraints(max_length=100), Field(description="The provider's name.", examples=["whatsapp"])]


class MediaIn(BaseModel):
    """A file that hangs on a message."""

    type: Annotated[str, Field(max_length=100, description="`image`, `video`, `audio`, `voice`, `sticker`, `document` or `file`.")] = "file"
    mime_type: Annotated[str, Field(max_length=200)] | None = None
    url: Annotated[str, Field(max_length=8192, description="Where it is: for you, it is not fetched here.")] | None = None
    name: Annotated[str, Field(max_length=1000)] | None = None


class MessageIn(BaseModel):
    """A message that came. It has `text`, or at least one file in `media` or `attachments`."""

    event: Literal["messages.incoming"]
    tenant: TenantName
    channel: Literal["whatsapp"]
    provider: Provider | None = None
    message_id: (
        Annotated[str, StringConstraints(min_length=1, max_length=512), Field(description="A message that is posted again counts once.")]
        | None
    ) = None
    sender: Annotated[WhatsAppId, Field(alias="from")]
    from_jid: WhatsAppId | None = None
    text: str | None = None
    ts: Moment | None = None
    media: list[MediaIn] | None = None
    attachments: list[MediaIn] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.text or self.files):
            raise ValueError("A message has `text`, or at least one file in `media` or `attachments`.")
        return self

    @property
    def files(self) -> list[MediaIn]:
        """All files, those of `media` first."""
        return [*(self.media or ()), *(self.attachments or ())]


class QrIn(BaseModel):
    """A fresh QR code to log in by. `svg` is the image."""

    event: Literal["qr"]
    tenant: TenantName
    channel: Literal["whatsapp"] = "whatsapp"
    provider: Provider | None = None
    qr_id: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = None
    svg: Annotated[Any, WithJsonSchema({"type": "string"}), Field(description="Without scripts, and without links to elsewhere.")] = None


class ReadyIn(BaseModel):
    """The provider's session is logged in."""

    event: Literal["ready"]
    tenant: TenantName
    channel: Literal["whatsapp"] = "whatsapp"
    provider: Provider | None = None
    state: Annotated[str, StringConstraints(max_length=100)] | None = None
    ts: Moment | None = None


ProviderBody = Annotated[MessageIn | QrIn | ReadyIn, Field(discriminator="event")]
