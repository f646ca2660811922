"""The commands that change a chat as the account sees it, or show the account there: read, mark as unread, typing."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from shared.model.ids import MessengerId
from shared.rpc.command import Command, Result
from shared.rpc.recipient import Recipient


class ChatAction(StrEnum):
    """What a chat shows that somebody is doing: https://core.telegram.org/type/SendMessageAction"""

    TYPING = "typing"
    RECORDING_VOICE = "recording_voice"
    RECORDING_VIDEO = "recording_video"
    RECORDING_VIDEO_NOTE = "recording_video_note"
    UPLOADING_PHOTO = "uploading_photo"
    UPLOADING_VIDEO = "uploading_video"
    UPLOADING_VOICE = "uploading_voice"
    UPLOADING_FILE = "uploading_file"
    CHOOSING_STICKER = "choosing_sticker"
    CHOOSING_LOCATION = "choosing_location"
    CHOOSING_CONTACT = "choosing_contact"
    NONE = "none"


class ChatChanged(Result):
    """The chat of the command."""

    chat_id: MessengerId = Field(alias="peer_resolved")


class ReadChat(Command[ChatChanged]):
    """Mark everything up to a message as read. The senders see that it was."""

    name = "read"
    since = 2
    repeatable = True

    to: Recipient = Field(repr=False)
    max_id: MessengerId


class MarkUnread(Command[ChatChanged]):
    """Set or clear the mark that shows a chat as unread."""

    name = "mark_unread"
    since = 2
    repeatable = True

    to: Recipient = Field(repr=False)
    unread: bool = True


class ShowChatAction(Command[ChatChanged]):
    """Show in a chat what the account is doing, for about six seconds; `none` ends it."""

    name = "chat_action"
    since = 2
    repeatable = True

    to: Recipient = Field(repr=False)
    action: ChatAction
    thread_id: MessengerId | None = None
