"""The commands about people: the account itself, users, contacts, and whom a name or phone leads to."""

from __future__ import annotations

from typing import Any

from telethon.tl import functions, types

from listener.telegram.operations.chat_reading import input_user
from listener.telegram.operations.chat_views import chat_type, title_of
from listener.telegram.operations.describing import fields_of, people_of, person_of
from listener.telegram.operations.operation_runner import Connected, Operation, Performer
from listener.telegram.operations.pages import cursor_of, place_of
from listener.telegram.operations.phones import add_to_contacts
from listener.telegram.operations.recipients import resolve
from shared.errors import AvioError, Code
from shared.rpc.people import (
    AddContact,
    AddedContact,
    ContactPage,
    FindPeer,
    FoundPeer,
    GetPerson,
    GetSelf,
    ListContacts,
    PersonInFull,
)

_NOBODY = {Code.PEER_NOT_FOUND, Code.USER_NOT_FOUND, Code.PHONE_NOT_IN_CONTACTS, Code.PHONE_NOT_ON_TELEGRAM}


async def get_self(account: Performer, _: GetSelf) -> PersonInFull:
    """Run the command `me`."""

    async def run(at: Connected) -> PersonInFull:
        return await _in_full(at, types.InputUserSelf())

    return await account.perform(Operation(run, changes=False))


async def get_person(account: Performer, command: GetPerson) -> PersonInFull:
    """Run the command `users/get`; raise `user_not_found` for what is no user."""

    async def run(at: Connected) -> PersonInFull:
        _, peer = await resolve(at.client, at.peers, at.self_id, command.to)
        return await _in_full(at, input_user(peer))

    return await account.perform(Operation(run, changes=False))


async def find_peer(account: Performer, command: FindPeer) -> FoundPeer:
    """Run the command `peers/resolve`. A wait that Telegram asks for is raised: it says nothing about the name or phone."""

    async def run(at: Connected) -> FoundPeer:
        try:
            chat_id, peer = await resolve(at.client, at.peers, at.self_id, command.to)
        except AvioError as error:
            if error.code in _NOBODY:
                return FoundPeer()
            raise
        entity = await _entity(at, peer)
        if isinstance(entity, types.UserEmpty):
            return FoundPeer()
        page = at.peers.page([entity])
        await at.peers.keep(page)
        known = page.known(chat_id)
        return FoundPeer(
            chat_id=str(chat_id),
            chat_type=chat_type(chat_id, entity),
            name=title_of(entity),
            username=known.username if known else None,
            phone=known.phone if known else None,
        )

    return await account.perform(Operation(run, changes=False))


async def list_contacts(account: Performer, command: ListContacts) -> ContactPage:
    """Run the command `contacts`; raise `invalid_request` for a cursor that is none."""
    start = place_of(command.cursor, "contacts", (0, 10**14))[0] if command.cursor else 0

    async def run(at: Connected) -> ContactPage:
        answer = await at.client.invoke(functions.contacts.GetContactsRequest(0))
        users = sorted((user for user in answer.users if isinstance(user, types.User) and user.id > start), key=lambda user: user.id)
        shown, more = users[: command.limit], len(users) > command.limit
        await at.peers.keep(at.peers.page(shown))
        return ContactPage(people=tuple(people_of(shown).values()), next=cursor_of("contacts", shown[-1].id) if more else None)

    return await account.perform(Operation(run, changes=False))


async def add_contact(account: Performer, command: AddContact) -> AddedContact:
    """Run the command `contacts/add`; raise `flood_wait` where Telegram puts it off, which says nothing about the phone."""

    async def run(at: Connected) -> AddedContact:
        try:
            user = await add_to_contacts(at.client, at.peers, command.phone, command.first_name, command.last_name)
        except AvioError as error:
            if error.code is Code.PHONE_NOT_ON_TELEGRAM:
                return AddedContact()
            raise
        await at.peers.keep(at.peers.page([user]))
        return AddedContact(person=person_of(user))

    return await account.perform(Operation(run))


async def _in_full(at: Connected, user: Any) -> PersonInFull:
    answer = await at.client.invoke(functions.users.GetFullUserRequest(user))
    full = answer.full_user
    found = next((each for each in answer.users if each.id == full.id and isinstance(each, types.User)), None)
    if found is None:
        raise AvioError(Code.USER_NOT_FOUND)
    await at.peers.keep(at.peers.page([found]))
    return PersonInFull(
        **fields_of(found), about=full.about or None, blocked=bool(full.blocked), common_chats_count=full.common_chats_count
    )


async def _entity(at: Connected, peer: Any) -> Any:
    """Return the user, group or channel of an input peer as it is now."""
    match peer:
        case types.InputPeerChannel():
            channel = types.InputChannel(peer.channel_id, peer.access_hash)
            found = (await at.client.invoke(functions.channels.GetChannelsRequest([channel]))).chats
        case types.InputPeerChat():
            found = (await at.client.invoke(functions.messages.GetChatsRequest([peer.chat_id]))).chats
        case _:
            found = await at.client.invoke(functions.users.GetUsersRequest([input_user(peer)]))
    if not found:
        raise AvioError(Code.PEER_NOT_FOUND)
    return found[0]
