"""Messages: send a text (contract M1)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field, StrictBool

from functions.http.access import SendAccess
from functions.http.acting import ActAttempt, Acting
from functions.http.dependencies import provided
from functions.http.openapi_responses import acting
from functions.messages.delivery_fields import SEND_ERRORS, DeliveryFields, SentMessage
from functions.messages.fields import Text
from functions.messages.formatted_fields import FormattedFields
from functions.messages.formatted_text import formatted
from functions.messages.send import Sending
from shared.errors import AvioError, Code
from shared.rpc.send import SendMessage

router = APIRouter(tags=["messages"])


class NewMessage(DeliveryFields, FormattedFields):
    """A text to be sent."""

    text: Text
    link_preview: Annotated[StrictBool, Field(description="Whether Telegram shows a preview of the text's first link.")] = True
    attachments: Annotated[
        list[Any],
        Field(
            default_factory=list,
            max_length=10,
            description="Not supported yet: leave it out.",
            json_schema_extra={"maxItems": 0, "items": {"not": {}}},
        ),
    ]


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
