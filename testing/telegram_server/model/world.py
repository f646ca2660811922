"""Everything that the server knows, in memory, read from the store at start and written through to it.

Everybody who changes a record calls the matching `save_...`; the network layer commits before an answer leaves.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Any

from testing.telegram_server.model.box import Box
from testing.telegram_server.model.chat_settings import ChatSettingsBook
from testing.telegram_server.model.file import File, Upload
from testing.telegram_server.model.groups import Groups
from testing.telegram_server.model.keys import Keys
from testing.telegram_server.model.login import Login
from testing.telegram_server.model.message import Deletion, Edit, Event, Message, Pinning, Read
from testing.telegram_server.model.person import SERVICE_ID, Person
from testing.telegram_server.model.reactions import ReactionBook, UnreadMarks
from testing.telegram_server.model.records import Shelf
from testing.telegram_server.mtproto.server_key import ServerKey
from testing.telegram_server.store import Store

FIRST_USER_ID = 100_000_001


class World:
    """People, keys, groups, message boxes, log-ins and files."""

    def __init__(self, store: Store, server_key: ServerKey | None = None) -> None:
        self.store = store
        self._people_shelf = Shelf(store, "person", Person)
        self._event_shelves: dict[type, Shelf[Any]] = {
            kind: Shelf(store, name, kind)
            for name, kind in (("message", Message), ("read", Read), ("edit", Edit), ("deletion", Deletion), ("pinning", Pinning))
        }
        self._logins_shelf = Shelf(store, "login", Login)
        self._files_shelf = Shelf(store, "file", File)
        self.people: dict[int, Person] = {}
        self.by_phone: dict[str, Person] = {}
        self.by_username: dict[str, Person] = {}
        self.keys = Keys(store)
        self.groups = Groups(store)
        self.reactions = ReactionBook(store)
        self.unread_marks = UnreadMarks(store)
        self.chat_settings = ChatSettingsBook(store)
        self.boxes: dict[int, Box] = {}
        self.logins: dict[str, Login] = {}
        self.files: dict[int, File] = {}
        self.uploads: dict[tuple[int, int], Upload] = {}
        self.scheduled: dict[tuple[int, int], list[Message]] = {}
        self.scheduled_ids = 0
        self.server_key = self._own_key(server_key)
        self.hash_secret = self._own_secret("hash_secret")
        self._load()
        if SERVICE_ID not in self.people:
            self.add_person(Person(SERVICE_ID, "42777", "Telegram"))
        store.commit()

    # What is found

    def person(self, user_id: int) -> Person | None:
        return self.people.get(user_id)

    def box(self, owner: int) -> Box:
        """Return the message box of a person or channel, empty at first."""
        box = self.boxes.get(owner)
        if box is None:
            box = self.boxes[owner] = Box(owner)
        return box

    def access_hash(self, viewer: int, target: int) -> int:
        """Return the hash under which `viewer` may name `target`: another one for every viewer."""
        return self._hash(b"%d:%d" % (viewer, target))

    def min_hash(self, viewer: int, target: int) -> int:
        """Return the hash of a `min` constructor, which names nobody (https://core.telegram.org/api/min)."""
        return self._hash(b"min:%d:%d" % (viewer, target))

    def _hash(self, name: bytes) -> int:
        digest = hashlib.blake2b(name, key=self.hash_secret, digest_size=8).digest()
        return int.from_bytes(digest, "little", signed=True)

    def same_hash(self, viewer: int, target: int, claimed: int) -> bool:
        return hmac.compare_digest(self.access_hash(viewer, target).to_bytes(8, "little", signed=True), _eight_bytes(claimed))

    # What is changed

    def new_user_id(self) -> int:
        return max((i for i in self.people if i != SERVICE_ID), default=FIRST_USER_ID - 1) + 1

    def add_person(self, person: Person) -> None:
        self.people[person.id] = person
        self.by_phone[person.phone] = person
        for username in person.usernames:
            self.by_username[username.lower()] = person
        self.save_person(person)

    def rename(self, person: Person, username: str | None) -> None:
        if person.username:
            self.by_username.pop(person.username.lower(), None)
        person.username = username
        if username:
            self.by_username[username.lower()] = person
        self.save_person(person)

    def save_person(self, person: Person) -> None:
        self._people_shelf.put(str(person.id), person)

    def save_login(self, login: Login) -> None:
        self.logins[login.hash] = login
        self._logins_shelf.put(login.hash, login)

    def forget_login(self, login: Login) -> None:
        self.logins.pop(login.hash, None)
        self._logins_shelf.delete(login.hash)

    def add_event(self, event: Event) -> None:
        """Apply an event to its owner's box and store it."""
        self._apply(event)
        self._event_shelves[type(event)].put(f"{event.owner}:{event.pts}", event)

    def _apply(self, event: Event) -> None:
        self.box(event.owner).add(event)
        if isinstance(event, Message):
            if event.random_id is not None:
                self.box(event.sender).by_random_id[event.random_id] = event
            if event.number is not None:
                self.groups.note_copy(event)

    def add_file(self, file: File) -> None:
        self.files[file.id] = file
        self._files_shelf.put(str(file.id), file)

    # How it starts

    def _load(self) -> None:
        for person in self._people_shelf.load():
            self.people[person.id] = self.by_phone[person.phone] = person
            for username in person.usernames:
                self.by_username[username.lower()] = person
        self.logins = {login.hash: login for login in self._logins_shelf.load()}
        self.files = {file.id: file for file in self._files_shelf.load()}
        events: list[Event] = [event for shelf in self._event_shelves.values() for event in shelf.load()]
        for event in sorted(events, key=lambda event: (event.owner, event.pts)):
            self._apply(event)
        for name, size in self.store.sizes("part"):
            user_id, file_id, part = (int(piece) for piece in name.split(":"))
            self.uploads.setdefault((user_id, file_id), Upload(user_id, file_id, {})).sizes[part] = size

    def _own_key(self, given: ServerKey | None) -> ServerKey:
        stored = self.store.read("server", "rsa_key")
        if stored is not None:
            return ServerKey.load(stored)
        key = given or ServerKey.generate()
        self.store.put("server", "rsa_key", key.private_pem())
        return key

    def _own_secret(self, name: str) -> bytes:
        stored = self.store.read("server", name)
        if stored is None:
            stored = secrets.token_bytes(32)
            self.store.put("server", name, stored)
        return stored


def _eight_bytes(number: int) -> bytes:
    return (number & 0xFFFFFFFFFFFFFFFF).to_bytes(8, "little")
