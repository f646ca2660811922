"""People: the account itself, users, contacts, and whom a name or phone leads to (contract M5)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from functions.http.access import ReadAccess, SendAccess
from functions.http.acting import Acting
from functions.http.dependencies import provided
from functions.http.openapi_responses import acting, errors, paged
from functions.http.paging import link_next
from functions.http.parameters import Limit, OpaqueCursor
from functions.messages import peers
from functions.messages.account_commands import AccountCommands
from functions.messages.chat_routes import PAGE, PEER_ERRORS, READ_ERRORS, ChatName, InReading
from functions.messages.fields import NOT_BLANK, PeerField
from functions.messages.views import AddedContactView, PersonDetail, PersonView, ResolvedPeer
from shared.errors import Code
from shared.phones import e164
from shared.rpc.people import AddContact, FindPeer, GetPerson, GetSelf, ListContacts

router = APIRouter(tags=["people"])


class ContactToAdd(BaseModel):
    """A phone number, and what the account calls who has it."""

    model_config = ConfigDict(extra="forbid")

    phone: Annotated[str, Field(max_length=64, examples=["+79001234567"], description="In international form.")]
    first_name: Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True, pattern=NOT_BLANK)]
    last_name: Annotated[str, Field(max_length=64)] = ""


class PeerToResolve(BaseModel):
    """Somebody or something to be looked for."""

    model_config = ConfigDict(extra="forbid")

    peer: PeerField


@router.get("/tenants/{tenant}/me", responses=errors(*READ_ERRORS))
def get_me(access: ReadAccess, reading: InReading) -> PersonDetail:
    """Return the account's own user."""
    return PersonDetail.in_full(reading.ask(access, GetSelf()))


@router.get("/tenants/{tenant}/users/{peer}", responses=errors(*PEER_ERRORS))
def get_user(peer: ChatName, access: ReadAccess, reading: InReading) -> PersonDetail:
    """Return a user. A deleted account is one too, with `deleted`."""
    return PersonDetail.in_full(reading.ask(access, GetPerson(to=peers.parse_field("peer", peer, "path"))))


@router.get("/tenants/{tenant}/contacts", responses={**errors(*READ_ERRORS), **paged()})
def list_contacts(
    request: Request, response: Response, access: ReadAccess, reading: InReading, cursor: OpaqueCursor = None, limit: Limit = PAGE
) -> list[PersonView]:
    """List the account's contacts by id. The `Link` header has the next page, if there is one."""
    page = reading.ask(access, ListContacts(limit=limit, cursor=cursor))
    link_next(request, response, page.next)
    return [PersonView.of(person) for person in page.people]


@router.post(
    "/tenants/{tenant}/contacts",
    responses=acting(*READ_ERRORS, Code.INVALID_PHONE, Code.ACCOUNT_FROZEN),
)
def add_contact(
    body: ContactToAdd, access: SendAccess, commands: Annotated[AccountCommands, provided(AccountCommands)], once: Acting
) -> AddedContactView:
    """Add a phone to the account's contacts, and tell whether it is on Telegram. A contact with this phone gets the name.

    Telegram lets an account add few contacts a day; `flood_wait` says nothing about the phone.
    """
    command = AddContact(phone=e164(body.phone), first_name=body.first_name, last_name=body.last_name)
    return commands.run_once(once, access, lambda _: command, AddedContactView, lambda added: AddedContactView.of(added.person))


@router.post("/tenants/{tenant}/peers/resolve", responses=errors(*READ_ERRORS, Code.PEER_NOT_FOUND, Code.INVALID_PHONE, Code.INVITE_LINK))
def resolve_peer(body: PeerToResolve, access: ReadAccess, reading: InReading) -> ResolvedPeer:
    """Tell whether a name, phone or id leads to somebody, without sending anything or adding a contact.

    Telegram lets an account look up few names and phones. An answer is kept for a while, so asking again costs nothing.
    """
    return ResolvedPeer.of(reading.ask(access, FindPeer(to=peers.parse(body.peer))))
