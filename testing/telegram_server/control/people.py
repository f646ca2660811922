"""People, their log-in codes and their authorisations."""

from __future__ import annotations

import base64
import secrets
from typing import Any, Literal, get_args

from testing.telegram_server.actions.qr_logins import TokenRefusedError
from testing.telegram_server.control.errors import ControlError, not_found
from testing.telegram_server.control.specs import AuthorizeSpec, CodeSpec, PersonPatch, PersonSpec
from testing.telegram_server.model.key import Key
from testing.telegram_server.model.login_tokens import token_in
from testing.telegram_server.model.password import Verifier
from testing.telegram_server.model.person import CodePolicy, Freeze, Person
from testing.telegram_server.model.phone import normal
from testing.telegram_server.mtproto.cipher import key_id
from testing.telegram_server.services import Services
from testing.telegram_server.views.documents import authorization_json, login_json, person_json

EndReason = Literal["AUTH_KEY_UNREGISTERED", "SESSION_REVOKED", "SESSION_EXPIRED", "USER_DEACTIVATED", "USER_DEACTIVATED_BAN"]

_PLAIN = (
    *("first_name", "last_name", "about", "registered", "banned", "deleted"),
    *("spam_limited", "found_by_phone", "messages_from", "dc"),
)
_KEY_BYTES = 256  # https://core.telegram.org/mtproto/auth_key


class PeopleControl:
    """Make people and look after their accounts. A handle is a phone, @username or id."""

    def __init__(self, services: Services) -> None:
        self._services, self._world = services, services.world

    def find(self, handle: str) -> Person:
        world = self._world
        person = world.by_username.get(handle[1:].lower()) if handle.startswith("@") else world.by_phone.get(normal(handle) or "")
        if person is None and handle.isdigit():
            person = world.person(int(handle))
        if person is None:
            raise not_found("person", handle)
        return person

    def create(self, spec: PersonSpec) -> dict[str, Any]:
        """Make a person; the same phone or username twice is refused."""
        if spec.phone in self._world.by_phone:
            raise ControlError(409, "phone_taken", f"somebody has the phone +{spec.phone}")
        self._check_username(spec.username)
        person = Person(
            id=self._world.new_user_id(),
            phone=spec.phone,
            first_name=spec.first_name or f"Person {spec.phone[-4:]}",
            last_name=spec.last_name,
            username=spec.username,
            more_usernames=list(spec.more_usernames),
            registered=spec.registered,
            banned=spec.banned,
            password=Verifier.of(spec.password, spec.password_hint) if spec.password else None,
            code=_policy(spec.code),
            found_by_phone=spec.found_by_phone,
            messages_from=spec.messages_from,
            dc=spec.dc,
            about=spec.about,
        )
        self._world.add_person(person)
        return self._changed(person)

    def patch(self, handle: str, patch: PersonPatch) -> dict[str, Any]:
        """Change a person. Whoever is banned or deleted loses all log-ins, with USER_DEACTIVATED_BAN or USER_DEACTIVATED."""
        person = self.find(handle)
        if patch.username is not None:
            self._check_username(patch.username or None, person)
            self._world.rename(person, patch.username or None)
        for name in _PLAIN:
            if (value := getattr(patch, name)) is not None:
                setattr(person, name, value)
        if patch.password is not None:
            person.password = Verifier.of(patch.password, patch.password_hint) if patch.password else None
        if patch.code is not None:
            person.code = _policy(patch.code)
        if "frozen" in patch.model_fields_set:
            freeze = patch.frozen
            person.frozen = Freeze(self._services.clock.now(), freeze.until, freeze.appeal_url) if freeze else None
        self._world.save_person(person)
        if patch.banned:
            self.revoke(handle, None, "USER_DEACTIVATED_BAN")
        if patch.deleted:
            self.revoke(handle, None, "USER_DEACTIVATED")
        return self._changed(person)

    def get(self, handle: str) -> dict[str, Any]:
        return person_json(self.find(handle))

    def all(self) -> list[dict[str, Any]]:
        return [person_json(person) for person in self._world.people.values()]

    async def code(self, handle: str, wait_s: float = 0, not_id: str | None = None) -> dict[str, Any]:
        """Return the newest code that a phone shows, waiting for one; `not_id` is one that is known already.

        A phone with a leading + needs no person: codes are sent to numbers that nobody here has, too.
        """
        phone = (normal(handle) if handle.startswith("+") else None) or self.find(handle).phone
        login = await self._services.changes.until(lambda: self._fresh_code(phone, not_id), wait_s)
        if login is None:
            raise ControlError(404, "no_code", f"no log-in code is valid for +{phone}")
        return login

    def _fresh_code(self, phone: str, not_id: str | None) -> dict[str, Any] | None:
        login = self._services.logins.latest(phone)
        found = login_json(login) if login is not None else None
        return found if found is not None and found["id"] != not_id else None

    def scan(self, handle: str, link: str) -> dict[str, Any]:
        """Let a person accept the log-in that a QR code shows, from the phone; return the authorisation's name until it is complete."""
        person, token = self.find(handle), token_in(link)
        if token is None:
            raise ControlError(422, "no_login_link", "a QR code of a log-in says tg://login?token=…")
        try:
            key = self._services.qr_logins.accept(person, token)
        except TokenRefusedError as refused:
            raise ControlError(409, str(refused), f"Telegram refuses the code: {refused}") from refused
        self._services.hub.flush()
        return {"key": key.name}

    def authorizations(self, handle: str) -> list[dict[str, Any]]:
        hub = self._services.hub
        return [authorization_json(key, len(hub.of_key(key))) for key in self._world.keys.of(self.find(handle).id)]

    def authorize(self, spec: AuthorizeSpec) -> list[dict[str, Any]]:
        """Log phones in without a client, each with a new key; people are made where there are none.

        A key exchange costs a tenth of a second of both ends' processors, which thousands of accounts cannot be made by. Returns each
        key's name and secret, and what `updates.getState` would answer.
        """
        made = [self._authorize(phone) for phone in spec.phones]
        self._services.hub.flush()
        return made

    def _authorize(self, phone: str) -> dict[str, Any]:
        person = self._world.by_phone.get(normal(phone) or "")
        if person is None:
            self.create(PersonSpec(phone=phone))
            person = self.find(phone)
        secret, now = secrets.token_bytes(_KEY_BYTES), self._services.clock.now()
        key = Key(key_id(secret).hex(), secret, secrets.randbits(63), now, dc=person.dc)
        self._services.logins.log_in(key, person)
        box = self._world.box(person.id)
        return {
            "phone": phone,
            "person_id": person.id,
            "key": key.name,
            "secret": base64.b64encode(secret).decode(),
            "state": {"pts": box.pts, "qts": box.qts, "date": now, "seq": box.seq},
        }

    def revoke(self, handle: str, authorization_hash: str | None, reason: str = "AUTH_KEY_UNREGISTERED") -> int:
        """End one authorisation of a person, or all; open connections learn of it at once. Return how many."""
        if reason not in get_args(EndReason):
            raise ControlError(422, "invalid_reason", f"one of {', '.join(get_args(EndReason))}")
        keys = [
            key
            for key in self._world.keys.of(self.find(handle).id)
            if authorization_hash is None or str(key.authorization_hash) == authorization_hash
        ]
        if not keys and authorization_hash is not None:
            raise not_found("authorization", authorization_hash)
        for key in keys:
            self._services.logins.end(key, reason)
        self._services.hub.flush()
        return len(keys)

    def _check_username(self, username: str | None, owner: Person | None = None) -> None:
        taken = self._world.by_username.get(username.lower()) if username else None
        if taken is not None and taken is not owner:
            raise ControlError(409, "username_taken", f"somebody has the username {username}")

    def _changed(self, person: Person) -> dict[str, Any]:
        self._services.changes.add("person", person.id, lambda: {"person": person_json(person)})
        self._services.hub.flush()
        return person_json(person)


def _policy(spec: CodeSpec) -> CodePolicy:
    return CodePolicy(list(spec.deliveries), spec.length, spec.lifetime_s, spec.resend_after_s, spec.fixed)
