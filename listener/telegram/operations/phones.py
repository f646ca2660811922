"""Finds users by phone number: whom it led to lately, else who lets themselves be found by it, else a contact, else by adding a contact.

A contact is looked for before one is added, since adding it again would change the name that the account's person gave it. What is added
stays: its name is the number, until the person gives it another.
"""

from __future__ import annotations

from typing import Any

from telethon import errors
from telethon.tl import functions, types

from listener.telegram.peers.peer_cache import PeerCache, input_of
from listener.telegram.requests.answers import Invoker
from listener.telegram.requests.errors import translate
from shared.errors import AvioError, Code


async def user_by_phone(client: Invoker, peers: PeerCache, phone: str, *, import_contact: bool) -> tuple[int, Any]:
    """Return the id and the input peer of the user with this phone, in E.164.

    Raises `PHONE_NOT_IN_CONTACTS` if nobody is found and no contact may be added, `PHONE_NOT_IN_CONTACTS_OR_NOT_ON_TELEGRAM` if adding it
    finds nobody either, and `flood_wait` if Telegram puts a look-up or the import off, which says nothing about the phone.
    """
    lookups = peers.lookups
    if (user_id := lookups.user_of(phone)) and (found := await peers.input_peers(user_id)):
        return user_id, found[0]
    user = await _known_to_telegram(client, peers, phone)
    if user is None and not import_contact:
        raise AvioError(Code.PHONE_NOT_IN_CONTACTS)
    user = user or await add_to_contacts(client, peers, phone, phone, "")
    peers.learn([user])
    lookups.found(phone, user.id)
    known = peers.known(user.id)
    peer = input_of(known.peer) if known else None
    if peer is None:
        raise AvioError(Code.PHONE_NOT_ON_TELEGRAM)
    return user.id, peer


async def _known_to_telegram(client: Invoker, peers: PeerCache, phone: str) -> Any | None:
    """Return the user whom Telegram names for a phone, or whom the account has among its contacts; None if there is none."""
    if peers.lookups.is_absent(phone):
        return None
    flood: AvioError | None = None
    try:
        return _user((await client.invoke(functions.contacts.ResolvePhoneRequest(phone[1:]))).users)
    except errors.RPCError as error:
        refusal = translate(error)
        if refusal.code is Code.FLOOD_WAIT:
            flood = refusal
        elif refusal.code is not Code.PHONE_NOT_IN_CONTACTS:
            raise refusal from error
    if user := await _contact(client, peers, phone):
        return user
    if flood:
        raise flood
    peers.lookups.absent(phone)
    return None


async def _contact(client: Invoker, peers: PeerCache, phone: str) -> Any | None:
    """Return the contact with this phone; somebody may be in the contacts who does not let others find them by it."""
    try:
        if peers.lookups.contacts is None:
            answer = await client.invoke(functions.contacts.GetContactsRequest(0))
            peers.lookups.learn_contacts(getattr(answer, "users", ()))
        found = (peers.lookups.contacts or {}).get(phone)
        return _user(await client.invoke(functions.users.GetUsersRequest([types.InputUser(*found)]))) if found else None
    except errors.RPCError as error:
        raise translate(error) from error


async def add_to_contacts(client: Invoker, peers: PeerCache, phone: str, first_name: str, last_name: str) -> Any:
    """Add a phone to the contacts under a name, and return its user. A contact that is there gets the name.

    Raises `PHONE_NOT_IN_CONTACTS_OR_NOT_ON_TELEGRAM`, and `flood_wait` if Telegram puts it off.
    """
    absent = f"import {phone}"
    if peers.lookups.is_absent(absent):
        raise AvioError(Code.PHONE_NOT_ON_TELEGRAM)
    if left_s := peers.lookups.imports_paused_s:
        raise _put_off(left_s)
    try:
        answer = await client.invoke(functions.contacts.ImportContactsRequest([types.InputPhoneContact(0, phone, first_name, last_name)]))
    except errors.RPCError as error:
        raise translate(error) from error
    if user := _user(answer.users):
        peers.lookups.found(phone, user.id)
        return user
    if answer.retry_contacts:  # a throttle: https://core.telegram.org/constructor/contacts.importedContacts
        peers.lookups.pause_imports()
        raise _put_off(peers.lookups.imports_paused_s)
    peers.lookups.absent(absent)
    raise AvioError(Code.PHONE_NOT_ON_TELEGRAM)


def _put_off(seconds: int) -> AvioError:
    detail = "Telegram does not let this account add more contacts for now; whether this number is on Telegram is not known."
    return AvioError(Code.FLOOD_WAIT, detail, retry_after_s=seconds)


def _user(users: list[Any]) -> Any | None:
    return next((user for user in users if isinstance(user, types.User)), None)
