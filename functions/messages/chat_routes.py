"""The account's chats: the list, one chat, its messages, its members (contract M5)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field, StringConstraints

from functions.http.access import ReadAccess
from functions.http.dependencies import provided
from functions.http.openapi_responses import errors, paged
from functions.http.paging import link_next
from functions.http.parameters import Digits, Limit, OpaqueCursor
from functions.messages import peers
from functions.messages.fields import INT32_MAX, NOT_BLANK
from functions.messages.reading import AccountReading
from functions.messages.views import ChatDetail, ChatView, MemberView
from shared.errors import Code
from shared.message_body import MessageBody
from shared.rpc.chats import GetChat, GetMessage, ListChats, ListMembers, ListMessages

router = APIRouter(tags=["chats"])
PAGE = 50
READ_ERRORS = (
    Code.INVALID_CREDENTIALS,
    Code.NOT_AUTHORIZED,
    Code.FORBIDDEN,
    Code.TENANT_NOT_FOUND,
    Code.RATE_LIMITED,
    Code.FLOOD_WAIT,
    Code.REFUSED_BY_TELEGRAM,
    Code.FORBIDDEN_BY_TELEGRAM,
    Code.NOT_SUPPORTED,
    Code.TELEGRAM_ERROR,
    Code.TELEGRAM_UNAVAILABLE,
)
"""What every route that reads can end with."""
PEER_ERRORS = (
    *READ_ERRORS,
    Code.PEER_NOT_FOUND,
    Code.USER_NOT_FOUND,
    Code.INVALID_PHONE,
    Code.PHONE_NOT_IN_CONTACTS,
    Code.RECIPIENT_DELETED,
    Code.NOT_A_MEMBER,
)
"""The same, where it is about somebody or something that the address names."""

InReading = Annotated[AccountReading, provided(AccountReading)]
ChatName = Annotated[
    str,
    Path(
        max_length=peers.MAX_LENGTH,
        description="`me`, `@username`, a phone number (`+…`), or the numeric id of a chat or user, as events carry it.",
        json_schema_extra={"pattern": peers.PATH_PATTERN},
        openapi_examples={"id": {"value": "100000002"}},
    ),
]
_Number = Annotated[Annotated[int, Field(ge=1, le=INT32_MAX)], Digits]
_BEFORE = Query(description="Only messages that are older than this one.")
_AFTER = Query(description="Only messages that are newer than this one.")


TextQuery = Annotated[
    Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=NOT_BLANK)] | None,
    Query(description="Only messages with these words in their text, as Telegram searches."),
]
NameQuery = Annotated[
    Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=NOT_BLANK)] | None,
    Query(description="Only members whose name or username begins so."),
]


@router.get("/tenants/{tenant}/chats", responses={**errors(*READ_ERRORS), **paged()})
def list_chats(
    request: Request, response: Response, access: ReadAccess, reading: InReading, cursor: OpaqueCursor = None, limit: Limit = PAGE
) -> list[ChatView]:
    """List the account's chats in its own order: the pinned first, then by last message; the archived ones come last.

    The `Link` header has the next page, if there is one. A chat where something is written while you page moves to the front.
    """
    page, reader = reading.ask(access, ListChats(limit=limit, cursor=cursor)), reading.reader(access)
    link_next(request, response, page.next)
    return [ChatView.of(chat, reader) for chat in page.chats]


@router.get("/tenants/{tenant}/chats/{chat}", responses=errors(*PEER_ERRORS))
def get_chat(chat: ChatName, access: ReadAccess, reading: InReading) -> ChatDetail:
    """Return one chat, whether or not it is in the account's list."""
    return ChatDetail.in_full(reading.ask(access, GetChat(to=peers.parse_field("chat", chat, "path"))), reading.reader(access))


@router.get("/tenants/{tenant}/chats/{chat}/messages", responses={**errors(*PEER_ERRORS), **paged()})
def list_messages(
    request: Request,
    response: Response,
    chat: ChatName,
    access: ReadAccess,
    reading: InReading,
    before: Annotated[_Number | None, _BEFORE] = None,
    after: Annotated[_Number | None, _AFTER] = None,
    query: TextQuery = None,
    cursor: OpaqueCursor = None,
    limit: Limit = PAGE,
) -> list[MessageBody]:
    """List a chat's messages, the newest first, each as events carry it. The `Link` header has the next page, if there is one.

    What is no message (somebody joined, a title changed) is left out, so a page may be shorter than `limit`.
    """
    command = ListMessages(
        to=peers.parse_field("chat", chat, "path"),
        before=None if before is None else str(before),
        after=None if after is None else str(after),
        query=query,
        cursor=cursor,
        limit=limit,
    )
    page = reading.ask(access, command)
    link_next(request, response, page.next)
    reader = reading.reader(access)
    return [reader.body_of(message) for message in page.messages]


@router.get("/tenants/{tenant}/chats/{chat}/messages/{message_id}", responses=errors(*PEER_ERRORS, Code.MESSAGE_NOT_FOUND))
def get_message(
    chat: ChatName,
    message_id: Annotated[_Number, Path(description="The message's id in that chat.", openapi_examples={"id": {"value": 4}})],
    access: ReadAccess,
    reading: InReading,
) -> MessageBody:
    """Return one message of a chat, as events carry it."""
    command = GetMessage(to=peers.parse_field("chat", chat, "path"), message_id=str(message_id))
    return reading.reader(access).body_of(reading.ask(access, command).message)


@router.get("/tenants/{tenant}/chats/{chat}/members", responses={**errors(*PEER_ERRORS, Code.NOT_A_GROUP, Code.ADMIN_REQUIRED), **paged()})
def list_members(
    request: Request,
    response: Response,
    chat: ChatName,
    access: ReadAccess,
    reading: InReading,
    query: NameQuery = None,
    cursor: OpaqueCursor = None,
    limit: Limit = PAGE,
) -> list[MemberView]:
    """List the members of a group or channel. The `Link` header has the next page, if there is one.

    A channel's members are for its admins alone, and of a large group Telegram lists 10,000 at most.
    """
    command = ListMembers(to=peers.parse_field("chat", chat, "path"), query=query, cursor=cursor, limit=limit)
    page = reading.ask(access, command)
    link_next(request, response, page.next)
    return [MemberView.of(member) for member in page.members]
