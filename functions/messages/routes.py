"""Messages: send a text (contract M1)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StringConstraints

from functions.http.access import SendAccess
from functions.http.acting import ActAttempt, Acting
from functions.http.dependencies import provided
from functions.http.openapi_responses import acting
from functions.http.parameters import Whole
from functions.messages.delivery_fields import SEND_ERRORS, DeliveryFields, SentMessage
from functions.messages.fields import MAX_TEXT, Text
from functions.messages.formatted_text import MAX_ENTITIES, ParseMode, formatted
from functions.messages.markup.marked_text import MAX_URL
from functions.messages.send import Sending
from shared.errors import AvioError, Code
from shared.rpc.send import SendMessage
from shared.rpc.text import EntityType, MarkupEntity

router = APIRouter(tags=["messages"])
_Units = Annotated[StrictInt, Field(le=MAX_TEXT), Whole]


class TextEntity(BaseModel):
    """How a part of the text is formatted, as in the Bot API. `offset` and `length` are in UTF-16 units."""

    model_config = ConfigDict(extra="forbid")

    type: EntityType
    offset: Annotated[_Units, Field(ge=0)]
    length: Annotated[_Units, Field(ge=1)]
    url: Annotated[str | None, Field(max_length=MAX_URL, description="Of a `text_link`.")] = None
    user_id: Annotated[
        Annotated[StrictInt, Field(ge=1, lt=10**18), Whole] | None, Field(description="Of a `text_mention`: a user the account has met.")
    ] = None
    language: Annotated[str | None, Field(max_length=64, description="Of a `pre`.")] = None
    custom_emoji_id: Annotated[
        Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,18}$")] | None, Field(description="Of a `custom_emoji`.")
    ] = None

    def entity(self) -> MarkupEntity:
        """Return it as commands carry it."""
        return MarkupEntity(**self.model_dump(exclude={"user_id"}), user_id=None if self.user_id is None else str(self.user_id))


class FormattedFields(BaseModel):
    """How the text is formatted: by markup in it, or by entities beside it."""

    parse_mode: Annotated[ParseMode, Field(description="The text's markup: `none`, `markdown` or `html`.")] = "none"
    entities: Annotated[
        list[TextEntity] | None, Field(max_length=MAX_ENTITIES, description="In place of a parse_mode.", examples=[None])
    ] = None

    def entities_given(self) -> list[MarkupEntity] | None:
        """Return the entities as commands carry them."""
        return None if self.entities is None else [entity.entity() for entity in self.entities]


class NewMessage(DeliveryFields, FormattedFields):
    """A text to be sent."""

    text: Text
    link_preview: Annotated[StrictBool, Field(description="Whether Telegram shows a preview of the text's first link.")] = True
    attachments: Annotated[
        list[Any],
        Field(max_length=10, description="Not supported yet: leave it out.", json_schema_extra={"maxItems": 0, "items": {"not": {}}}),
    ] = []


@router.post(
    "/tenants/{tenant}/messages/send",
    responses=acting(*SEND_ERRORS, Code.MESSAGE_EMPTY, Code.MESSAGE_TOO_LONG, Code.INVALID_MARKUP),
)
def send_message(body: NewMessage, access: SendAccess, sending: Annotated[Sending, provided(Sending)], once: Acting) -> SentMessage:
    """Send a text as the account's person.

    With an `Idempotency-Key` a repeat within 24 hours sends nothing: it gets the first answer.
    """
    text = formatted(body.text, body.parse_mode, body.entities_given())
    if body.attachments:
        raise AvioError(Code.NOT_SUPPORTED, "Attachments are not supported yet.")
    options = body.options(sending.now())

    def command(attempt: ActAttempt) -> SendMessage:
        return SendMessage(
            text=text.text,
            entities=text.entities,
            link_preview=body.link_preview,
            random_id=attempt.random_id(),
            began_at=attempt.began_at,
            **options,
        )

    return sending.send(once, access, command, SentMessage, SentMessage.of)
