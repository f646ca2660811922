"""Messages: send a text, files, or both (contract M1, M4)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, StrictBool

from functions.http.access import SendAccess
from functions.http.acting import ActAttempt, Acting
from functions.http.dependencies import provided
from functions.http.openapi_responses import acting, never_null
from functions.messages.account_commands import AccountCommands
from functions.messages.attachments import ATTACHMENT_ERRORS, NewAttachment
from functions.messages.delivery_fields import SEND_ERRORS, DeliveryFields, SentMessage, SentMessages, refused
from functions.messages.fields import Text
from functions.messages.formatted_fields import FormattedFields
from functions.messages.formatted_text import formatted
from shared.errors import Code
from shared.rpc.send import SendMessage
from shared.rpc.send_attachments import MAX_ATTACHMENTS, SendAttachments

router = APIRouter(tags=["messages"])


class NewMessage(DeliveryFields, FormattedFields):
    """A text, files, or both."""

    text: Annotated[Text | None, Field(json_schema_extra=never_null, description="May be left out where there are attachments.")] = None
    link_preview: Annotated[StrictBool, Field(description="Whether Telegram shows a preview of the text's first link.")] = True
    attachments: Annotated[
        list[NewAttachment],
        Field(
            default_factory=list,
            max_length=MAX_ATTACHMENTS,
            description="Files, grouped as Telegram groups them. The text is the first one's caption.",
        ),
    ]


@router.post(
    "/tenants/{tenant}/messages/send",
    responses=acting(*SEND_ERRORS, *ATTACHMENT_ERRORS, Code.PARTLY_SENT, Code.MESSAGE_EMPTY, Code.MESSAGE_TOO_LONG, Code.INVALID_MARKUP),
)
def send_message(
    body: NewMessage, access: SendAccess, commands: Annotated[AccountCommands, provided(AccountCommands)], once: Acting
) -> SentMessages | SentMessage:
    """Send a text or files as the account's person.

    With an `Idempotency-Key` a repeat within 24 hours sends nothing: it gets the first answer.
    """
    if body.text is None and not body.attachments:
        raise refused("text", "A message has a text, attachments, or both.")
    text = formatted(body.text or "", body.parse_mode, body.entities_given(), empty=body.text is None)
    content = {"text": text.text, "entities": text.entities, "link_preview": body.link_preview, **body.options()}

    def ready() -> None:
        body.check_schedule(commands.now())

    if not body.attachments:

        def one_message(attempt: ActAttempt) -> SendMessage:
            return SendMessage(random_id=attempt.random_id(), began_at=attempt.began_at, **content)

        return commands.run_once(once, access, one_message, SentMessage, SentMessage.of, ready=ready)
    files = tuple(one.for_owner(f"attachments.{number}") for number, one in enumerate(body.attachments))

    def messages(attempt: ActAttempt) -> SendAttachments:
        command = SendAttachments(attachments=files, random_ids=(), began_at=attempt.began_at, **content)
        return command.model_copy(update={"random_ids": tuple(map(attempt.random_id, range(command.messages)))})

    return commands.run_once(once, access, messages, SentMessages, SentMessages.of_several, ready=ready)
