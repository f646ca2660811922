"""Chats as the account sees them, and what it shows there: read receipts, unread marks, typing (contract M2, M4)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, StrictBool

from functions.http.access import SendAccess
from functions.http.acting import Acting
from functions.http.dependencies import provided
from functions.http.openapi_responses import acting
from functions.messages import peers
from functions.messages.account_commands import AccountCommands
from functions.messages.fields import REFUSALS, ChangedChat, InChat, MessageNumber
from shared.rpc.chat_changes import ChatAction, MarkUnread, ReadChat, ShowChatAction

router = APIRouter(tags=["messages"])
Commands = Annotated[AccountCommands, provided(AccountCommands)]


class ReadReceipt(InChat):
    """How far a chat is read."""

    max_id: Annotated[MessageNumber, Field(description="All messages up to this one are read.")]


class UnreadMark(InChat):
    """Whether a chat is marked as unread."""

    unread: Annotated[StrictBool, Field(description="False takes the mark away.")] = True


class ShownAction(InChat):
    """What a chat shows that the account is doing."""

    action: Annotated[ChatAction, Field(description="`none` ends what is shown.")] = ChatAction.TYPING
    thread_id: Annotated[MessageNumber | None, Field(description="In a forum: the topic.")] = None


@router.post("/tenants/{tenant}/messages/read-receipt", responses=acting(*REFUSALS))
def read_chat(body: ReadReceipt, access: SendAccess, commands: Commands, once: Acting) -> ChangedChat:
    """Mark all messages of a chat up to `max_id` as read. Their senders see it."""
    command = ReadChat(to=peers.parse(body.peer), max_id=str(body.max_id))
    return commands.run_once(once, access, lambda _: command, ChangedChat, ChangedChat.of)


@router.post("/tenants/{tenant}/messages/mark-unread", responses=acting(*REFUSALS))
def mark_unread(body: UnreadMark, access: SendAccess, commands: Commands, once: Acting) -> ChangedChat:
    """Mark a chat as unread, on this account's devices alone, or take the mark away."""
    command = MarkUnread(to=peers.parse(body.peer), unread=body.unread)
    return commands.run_once(once, access, lambda _: command, ChangedChat, ChangedChat.of)


@router.post("/tenants/{tenant}/messages/action", responses=acting(*REFUSALS))
def show_action(body: ShownAction, access: SendAccess, commands: Commands, once: Acting) -> ChangedChat:
    """Show in a chat that the account is typing, or doing something else, for about six seconds."""
    thread_id = None if body.thread_id is None else str(body.thread_id)
    command = ShowChatAction(to=peers.parse(body.peer), action=body.action, thread_id=thread_id)
    return commands.run_once(once, access, lambda _: command, ChangedChat, ChangedChat.of)
