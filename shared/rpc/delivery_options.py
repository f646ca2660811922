"""What commands that send have in common: whom to, and how."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.model.ids import MessengerId
from shared.rpc.command import Since
from shared.rpc.recipient import Recipient


class QuotedText(BaseModel):
    """The part of the answered message that is quoted. `offset` is where it begins there, in UTF-16 units."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    text: str = Field(repr=False)
    offset: int | None = None


class DeliveryOptions(BaseModel):
    """Whom to, and how. All tries of a message have the same random id, so that the messenger takes it once.

    `began_at` is when the first try began, where an earlier command with these random ids may have sent the messages.

    `phone_lookup` is set with a phone number: whether it may be added to the account's contacts to find out whose it is.
    """

    to: Annotated[str, StringConstraints(pattern=r"^\S{1,128}$")] = Field(repr=False)
    reply_to: MessengerId | None = None
    quote: Annotated[QuotedText | None, Since(2)] = None
    thread_id: Annotated[MessengerId | None, Since(2)] = None
    silent: Annotated[bool, Since(2)] = False
    schedule_at: Annotated[datetime | None, Since(2)] = None
    send_as: Annotated[Recipient | None, Since(2)] = Field(None, repr=False)
    began_at: Annotated[datetime | None, Since(2)] = None
    phone_lookup: Annotated[Literal["known", "import"] | None, Since(2)] = None
