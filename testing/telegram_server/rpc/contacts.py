"""contacts.*: finding people by username and phone, and the address book (https://core.telegram.org/api/contacts)."""

from __future__ import annotations

import re
from typing import Any

from telethon.tl import functions, types

from testing.telegram_server.model.person import Contact, Person
from testing.telegram_server.model.phone import normal
from testing.telegram_server.rpc.call import Call
from testing.telegram_server.rpc.errors import bad_request
from testing.telegram_server.rpc.peers import user_person
from testing.telegram_server.rpc.table import Methods

METHODS = Methods()
_USERNAME = re.compile(r"[A-Za-z]\w{3,31}", re.ASCII)


@METHODS.serves(functions.contacts.ResolveUsernameRequest)
def resolve_username(call: Call, request: Any) -> Any:
    if not _USERNAME.fullmatch(request.username):
        raise bad_request("USERNAME_INVALID")
    person = call.world.by_username.get(request.username.lower())
    group = call.world.groups.by_username.get(request.username.lower())
    if group is not None:
        return types.contacts.ResolvedPeer(types.PeerChannel(group.id), [call.services.groups.chat(call.key, group)], [])
    if person is None or not person.registered or person.deleted:
        raise bad_request("USERNAME_NOT_OCCUPIED")
    return _resolved(call, person)


@METHODS.serves(functions.contacts.ResolvePhoneRequest)
def resolve_phone(call: Call, request: Any) -> Any:
    person = _by_phone(call, request.phone)
    if person is None:
        raise bad_request("PHONE_NOT_OCCUPIED")
    return _resolved(call, person)


@METHODS.serves(functions.contacts.ImportContactsRequest)
def import_contacts(call: Call, request: Any) -> Any:
    """Put into the address book whoever is on Telegram and lets themselves be found; the others are just not in the answer."""
    if call.services.settings.contacts_put_off:
        return types.contacts.ImportedContacts([], [], [wanted.client_id for wanted in request.contacts], [])
    imported, people = [], []
    for wanted in request.contacts:
        person = _by_phone(call, wanted.phone)
        if person is None or person is call.me:
            continue
        call.me.contacts[person.id] = Contact(person.id, wanted.first_name or person.first_name, wanted.last_name, True)
        imported.append(types.ImportedContact(person.id, wanted.client_id))
        people.append(person.id)
    if imported:
        call.world.save_person(call.me)
    return types.contacts.ImportedContacts(imported, [], [], call.services.people.users(call.key, people))


@METHODS.serves(functions.contacts.AddContactRequest)
def add_contact(call: Call, request: Any) -> Any:
    person = user_person(call, request.id)
    knows_phone = bool(request.phone) and normal(request.phone) == person.phone
    call.me.contacts[person.id] = Contact(person.id, request.first_name, request.last_name, knows_phone)
    call.world.save_person(call.me)
    return _no_updates(call, [person])


@METHODS.serves(functions.contacts.DeleteContactsRequest)
def delete_contacts(call: Call, request: Any) -> Any:
    people = [user_person(call, user) for user in request.id]
    for person in people:
        call.me.contacts.pop(person.id, None)
    call.world.save_person(call.me)
    return _no_updates(call, people)


@METHODS.serves(functions.contacts.GetContactsRequest)
def get_contacts(call: Call, request: Any) -> Any:
    me = call.me
    contacts = [types.Contact(i, me.id in call.world.people[i].contacts) for i in sorted(me.contacts)]
    return types.contacts.Contacts(contacts, 0, call.services.people.users(call.key, me.contacts))


@METHODS.serves(functions.contacts.BlockRequest)
def block(call: Call, request: Any) -> Any:
    call.me.blocked.add(user_person(call, request.id).id)
    call.world.save_person(call.me)
    return True


@METHODS.serves(functions.contacts.UnblockRequest)
def unblock(call: Call, request: Any) -> Any:
    call.me.blocked.discard(user_person(call, request.id).id)
    call.world.save_person(call.me)
    return True


def _by_phone(call: Call, phone: str) -> Person | None:
    person = call.world.by_phone.get(normal(phone) or "")
    if person is None or not person.registered or person.deleted:
        return None
    allowed = {"everybody": True, "contacts": call.me.id in person.contacts, "nobody": False}[person.found_by_phone]
    return person if allowed or person is call.me else None


def _resolved(call: Call, person: Person) -> Any:
    return types.contacts.ResolvedPeer(types.PeerUser(person.id), [], [call.services.people.user(call.key, person)])


def _no_updates(call: Call, people: list[Person]) -> Any:
    return types.Updates([], call.services.people.users(call.key, [person.id for person in people]), [], call.now, 0)
