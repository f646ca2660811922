"""Messages that exist: edit, delete, react, pin (contract M4)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, Field, StrictBool, StringConstraints

from functions.http.access import SendAccess
from functions.http.acting import Acting
from functions.http.dependencies import provided
from functions.http.openapi_responses import acting, never_null
from functions.http.parameters import each_once
from functions.messages import peers
from functions.messages.account_commands import AccountCommands
from functions.messages.attachments import ATTACHMENT_ERRORS, NewAttachment
from functions.messages.delivery_fields import refused
from functions.messages.fields import REFUSALS, ChangedMessage, InChat, MessageNumber, OfMessage, Text
from functions.messages.formatted_fields import FormattedFields
from functions.messages.formatted_text import MAX_UTF16_UNITS, FormattedText, formatted
from shared.errors import Code
from shared.rpc.message_changes import MAX_DELETED, DeleteMessages, DeletionResult, EditMessage, PinMessage, SetReactions
from shared.rpc.send_attachments import CAPTION_UNITS, Attachment

router = APIRouter(tags=["messages"])
Commands = Annotated[AccountCommands, provided(AccountCommands)]
MAX_REACTIONS = 11  # https://core.telegram.org/api/config#reactions-user-max-premium is far below


class MessageEdit(OfMessage, FormattedFields):
    """A new text for a message, or for the caption of its media; `attachment` takes the place of its media."""

    text: Annotated[Text | None, Field(json_schema_extra=never_null, description="May be left out where there is an attachment.")] = None
    link_preview: Annotated[StrictBool, Field(description="Whether Telegram shows a preview of the text's first link.")] = True
    attachment: Annotated[
        NewAttachment | None,
        Field(json_schema_extra=never_null, description="A file in place of the message's. It has its own caption, or the text is it."),
    ] = None

    def command(self) -> EditMessage:
        """Return the command; raise AvioError for what cannot be."""
        file = self.attachment.for_owner("attachment") if self.attachment else None
        text = self._text(file)
        return EditMessage(
            to=peers.parse(self.peer),
            message_id=str(self.message_id),
            text=text.text,
            entities=text.entities,
            link_preview=self.link_preview,
            attachment=file.model_copy(update={"caption": "", "entities": ()}) if file else None,
        )

    def _text(self, file: Attachment | None) -> FormattedText:
        """Return the new text, which with a file is its caption."""
        if self.text is None:
            if file is None:
                raise refused("text", "Give a text, an attachment, or both.")
            return FormattedText(file.caption, file.entities)
        if file and file.caption:
            raise refused("text", "The text of an attachment is its caption: give one of the two.")
        return formatted(self.text, self.parse_mode, self.entities_given(), CAPTION_UNITS if file else MAX_UTF16_UNITS)


class MessageDeletion(InChat):
    """Messages of one chat that are to go."""

    message_ids: Annotated[
        list[MessageNumber], Field(min_length=1, max_length=MAX_DELETED, json_schema_extra={"uniqueItems": True}), AfterValidator(each_once)
    ]
    for_all: Annotated[
        StrictBool,
        Field(description="Whether they go for everybody, or for this account alone. In supergroups and channels: for everybody."),
    ] = True


class DeletedMessages(BaseModel):
    """The messages that were there, and are gone. `peer_resolved` is the chat's marked id, as events carry it."""

    peer_resolved: int
    message_ids: list[int]

    @classmethod
    def of(cls, deleted: DeletionResult) -> DeletedMessages:
        """Return a command's result in Telegram's own numbers."""
        return cls(peer_resolved=int(deleted.chat_id), message_ids=[int(each) for each in deleted.message_ids])


class Reactions(OfMessage):
    """All reactions of the account to a message."""

    reactions: Annotated[
        list[Annotated[str, StringConstraints(min_length=1, max_length=32, pattern=r"^\S+$")]],
        Field(
            max_length=MAX_REACTIONS,
            description="Emoji, or ids of custom emoji in digits. They take the place of those from before; an empty list takes all away.",
            examples=[["👍"]],
        ),
    ]
    big: Annotated[StrictBool, Field(description="Whether the reaction is shown large.")] = False


class Pin(OfMessage):
    """A message to be pinned."""

    silent: Annotated[StrictBool, Field(description="Whether the members are not notified.")] = True
    for_all: Annotated[StrictBool, Field(description="In private chats: whether the other side sees it pinned too.")] = True


class Unpin(OfMessage):
    """A pinned message to be taken down."""


@router.post(
    "/tenants/{tenant}/messages/edit",
    responses=acting(
        Code.MESSAGE_NOT_FOUND,
        Code.MESSAGE_AUTHOR_REQUIRED,
        Code.EDIT_TIME_EXPIRED,
        Code.MESSAGE_EMPTY,
        Code.MESSAGE_TOO_LONG,
        Code.INVALID_MARKUP,
        Code.CONTRADICTORY_FIELDS,
        *ATTACHMENT_ERRORS,
        *REFUSALS,
    ),
)
def edit_message(body: MessageEdit, access: SendAccess, commands: Commands, once: Acting) -> ChangedMessage:
    """Change the text or the media of a message that the account has sent. A message that has this text already counts as changed."""
    command = body.command()
    return commands.run_once(once, access, lambda _: command, ChangedMessage, ChangedMessage.of)


@router.post("/tenants/{tenant}/messages/delete", responses=acting(Code.MESSAGE_NOT_FOUND, Code.MESSAGE_AUTHOR_REQUIRED, *REFUSALS))
def delete_messages(body: MessageDeletion, access: SendAccess, commands: Commands, once: Acting) -> DeletedMessages:
    """Delete messages of one chat. Those that are not in this chat, or gone already, are left out of the answer."""
    command = DeleteMessages(to=peers.parse(body.peer), message_ids=[str(each) for each in body.message_ids], for_all=body.for_all)
    return commands.run_once(once, access, lambda _: command, DeletedMessages, DeletedMessages.of)


@router.post("/tenants/{tenant}/messages/react", responses=acting(Code.MESSAGE_NOT_FOUND, Code.REACTION_INVALID, *REFUSALS))
def set_reactions(body: Reactions, access: SendAccess, commands: Commands, once: Acting) -> ChangedMessage:
    """Set the account's reactions to a message."""
    command = SetReactions(to=peers.parse(body.peer), message_id=str(body.message_id), reactions=body.reactions, big=body.big)
    return commands.run_once(once, access, lambda _: command, ChangedMessage, ChangedMessage.of)


@router.post("/tenants/{tenant}/messages/pin", responses=acting(Code.MESSAGE_NOT_FOUND, Code.PIN_FORBIDDEN, *REFUSALS))
def pin_message(body: Pin, access: SendAccess, commands: Commands, once: Acting) -> ChangedMessage:
    """Pin a message in its chat. A message that is pinned already counts as changed."""
    command = PinMessage(to=peers.parse(body.peer), message_id=str(body.message_id), silent=body.silent, for_all=body.for_all)
    return commands.run_once(once, access, lambda _: command, ChangedMessage, ChangedMessage.of)


@router.post("/tenants/{tenant}/messages/unpin", responses=acting(Code.MESSAGE_NOT_FOUND, Code.PIN_FORBIDDEN, *REFUSALS))
def unpin_message(body: Unpin, access: SendAccess, commands: Commands, once: Acting) -> ChangedMessage:
    """Take a pinned message down. One that is not pinned counts as changed."""
    command = PinMessage(to=peers.parse(body.peer), message_id=str(body.message_id), pinned=False)
    return commands.run_once(once, access, lambda _: command, ChangedMessage, ChangedMessage.of)
