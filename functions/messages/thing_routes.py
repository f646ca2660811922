"""Messages: send a place, a contact or a poll; forward messages (contract M4)."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import AfterValidator, Field, StrictBool, StrictInt, StringConstraints

from functions.http.access import SendAccess
from functions.http.acting import ActAttempt, Acting
from functions.http.dependencies import provided
from functions.http.openapi_responses import acting
from functions.http.parameters import Whole, each_once
from functions.messages import peers
from functions.messages.account_commands import AccountCommands
from functions.messages.delivery_fields import (
    SEND_ERRORS,
    DeliveryFields,
    MessageId,
    RecipientFields,
    SentMessage,
    SentMessages,
    refused,
)
from functions.messages.fields import NOT_BLANK, PeerField
from functions.messages.formatted_text import formatted
from shared.errors import Code
from shared.phones import e164
from shared.rpc.send import FormattedPart, ForwardMessages, SendContact, SendLocation, SendPoll

router = APIRouter(tags=["messages"])
MAX_FORWARDED = 100
MAX_SOLUTION = 200


def _words(longest: int) -> object:
    return StringConstraints(min_length=1, max_length=longest, strip_whitespace=True, pattern=NOT_BLANK)


class NewLocation(DeliveryFields):
    """A place on the map; with title and address a venue."""

    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False, strict=True)]
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False, strict=True)]
    accuracy_m: Annotated[Annotated[StrictInt, Field(ge=0, le=1500), Whole] | None, Field(description="In metres.")] = None
    title: Annotated[str, _words(255)] | None = None
    address: Annotated[str, _words(255)] | None = None


class NewContact(DeliveryFields):
    """Somebody's name and phone number."""

    phone: Annotated[str, Field(max_length=64, examples=["+79001234567"], description="In international form.")]
    first_name: Annotated[str, _words(64)]
    last_name: Annotated[str, Field(max_length=64)] = ""
    vcard: Annotated[str, Field(max_length=2048, description="More about them, as a vCard.")] = ""


class NewPoll(DeliveryFields):
    """A poll, or with `kind` `quiz` a question with one right answer."""

    kind: Literal["regular", "quiz"] = "regular"
    question: Annotated[str, _words(255)]
    answers: Annotated[
        list[Annotated[str, _words(100)]],
        Field(min_length=2, max_length=12, json_schema_extra={"uniqueItems": True}),
        AfterValidator(each_once),
    ]
    anonymous: StrictBool = True
    multiple_answers: Annotated[StrictBool, Field(description="Whether one may choose several; not in a quiz.")] = False
    correct: Annotated[
        Annotated[StrictInt, Field(ge=0, le=11), Whole] | None, Field(description="Of a quiz: the right answer, counted from 0.")
    ] = None
    explanation: Annotated[Annotated[str, _words(MAX_SOLUTION)] | None, Field(description="Of a quiz: shown to who is wrong.")] = None
    open_for_seconds: Annotated[Annotated[StrictInt, Field(ge=5, le=600), Whole] | None, Field(description="Then it closes by itself.")] = (
        None
    )

    def check(self) -> None:
        """Raise `invalid_request` for fields that do not go together."""
        quiz = self.kind == "quiz"
        if quiz and (self.correct is None or self.correct >= len(self.answers)):
            raise refused("correct", "A quiz has one right answer: its place in answers, counted from 0.")
        if not quiz and (self.correct is not None or self.explanation is not None):
            raise refused("kind", "Only a quiz has correct and explanation.")
        if quiz and self.multiple_answers:
            raise refused("multiple_answers", "A quiz has one right answer.")


class NewForward(RecipientFields):
    """Messages to be forwarded."""

    from_peer: PeerField
    message_ids: Annotated[
        list[MessageId],
        Field(min_length=1, max_length=MAX_FORWARDED, json_schema_extra={"uniqueItems": True}),
        AfterValidator(each_once),
    ]
    drop_author: Annotated[StrictBool, Field(description="Without saying whose they are.")] = False


Commands = Annotated[AccountCommands, provided(AccountCommands)]


@router.post("/tenants/{tenant}/messages/location", responses=acting(*SEND_ERRORS))
def send_location(body: NewLocation, access: SendAccess, commands: Commands, once: Acting) -> SentMessage:
    """Send a place."""
    if (body.title is None) != (body.address is None):
        raise refused("title", "A venue has a title and an address: give both, or neither.")
    options = body.options()

    def command(attempt: ActAttempt) -> SendLocation:
        return SendLocation(
            latitude=body.latitude,
            longitude=body.longitude,
            accuracy_m=body.accuracy_m,
            title=body.title,
            address=body.address,
            random_id=attempt.random_id(),
            began_at=attempt.began_at,
            **options,
        )

    return commands.run_once(once, access, command, SentMessage, SentMessage.of, ready=lambda: body.check_schedule(commands.now()))


@router.post("/tenants/{tenant}/messages/contact", responses=acting(*SEND_ERRORS))
def send_contact(body: NewContact, access: SendAccess, commands: Commands, once: Acting) -> SentMessage:
    """Send somebody's name and phone number."""
    phone = e164(body.phone)
    options = body.options()

    def command(attempt: ActAttempt) -> SendContact:
        return SendContact(
            phone=phone,
            first_name=body.first_name,
            last_name=body.last_name,
            vcard=body.vcard,
            random_id=attempt.random_id(),
            began_at=attempt.began_at,
            **options,
        )

    return commands.run_once(once, access, command, SentMessage, SentMessage.of, ready=lambda: body.check_schedule(commands.now()))


@router.post("/tenants/{tenant}/messages/poll", responses=acting(*SEND_ERRORS, Code.MESSAGE_TOO_LONG, Code.POLL_REFUSED))
def send_poll(body: NewPoll, access: SendAccess, commands: Commands, once: Acting) -> SentMessage:
    """Send a poll or a quiz."""
    body.check()
    solution = formatted(body.explanation, limit=MAX_SOLUTION) if body.explanation is not None else None
    options = body.options()

    def command(attempt: ActAttempt) -> SendPoll:
        return SendPoll(
            kind=body.kind,
            question=body.question,
            answers=tuple(body.answers),
            anonymous=body.anonymous,
            several=body.multiple_answers,
            correct=body.correct,
            solution=FormattedPart(text=solution.text) if solution else None,
            open_for_s=body.open_for_seconds,
            random_id=attempt.random_id(),
            began_at=attempt.began_at,
            **options,
        )

    return commands.run_once(once, access, command, SentMessage, SentMessage.of, ready=lambda: body.check_schedule(commands.now()))


@router.post("/tenants/{tenant}/messages/forward", responses=acting(*SEND_ERRORS, Code.FORWARDS_FORBIDDEN, Code.POLL_REFUSED))
def forward_messages(body: NewForward, access: SendAccess, commands: Commands, once: Acting) -> SentMessages:
    """Forward messages of a chat, in the order given."""
    source = peers.parse_field("from_peer", body.from_peer)
    options = body.options()

    def command(attempt: ActAttempt) -> ForwardMessages:
        return ForwardMessages(
            source=source,
            message_ids=tuple(map(str, body.message_ids)),
            drop_author=body.drop_author,
            random_ids=tuple(map(attempt.random_id, range(len(body.message_ids)))),
            began_at=attempt.began_at,
            **options,
        )

    return commands.run_once(
        once, access, command, SentMessages, SentMessages.of_several, ready=lambda: body.check_schedule(commands.now())
    )
