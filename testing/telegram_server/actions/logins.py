"""Logging in and out (https://core.telegram.org/api/auth).

send_code -> (resend)* -> check -> right code -> log_in            the log-in is over, its code is burnt
                                \\-> the person has a password -> key.pending_user_id; the code stays good meanwhile
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import replace
from typing import Literal

from testing.telegram_server.actions.chats import Chats
from testing.telegram_server.actions.draft import Draft
from testing.telegram_server.changes import Changes
from testing.telegram_server.clock import Clock
from testing.telegram_server.model.key import Key
from testing.telegram_server.model.login import Login
from testing.telegram_server.model.person import SERVICE_ID, CodePolicy, Delivery, Person
from testing.telegram_server.model.world import World
from testing.telegram_server.network.hub import Hub
from testing.telegram_server.views.documents import login_json

Verdict = Literal["right", "wrong", "expired"]
_WORDS = ("amber", "birch", "copper", "dune", "ember", "fjord", "grove", "harbour", "island", "juniper")
_TEXT = (
    "Login code: {code}. Do not give this code to anyone, even if they say they are from Telegram!\n\n"
    "This code can be used to log in to your Telegram account. We never ask it for anything else.\n\n"
    "If you didn't request this code by trying to log in on another device, simply ignore this message."
)


class Logins:
    """Codes and authorisations."""

    def __init__(self, world: World, clock: Clock, changes: Changes, hub: Hub, chats: Chats) -> None:
        self._world, self._clock, self._changes, self._hub, self._chats = world, clock, changes, hub, chats

    def send_code(self, key: Key, phone: str) -> Login:
        """Make a code for a phone and show it there; an earlier one that this key asked for is void."""
        for earlier in [login for login in self._world.logins.values() if login.key_name == key.name or self._is_over(login)]:
            self._world.forget_login(earlier)
        person = self._world.by_phone.get(phone)
        policy = person.code if person else CodePolicy(["sms", "call"])
        known = person is not None and person.login_email is not None
        deliveries: list[Delivery] = ["email" if way == "set_up_email" and known else way for way in policy.deliveries]
        if person is None or not person.registered:
            deliveries = [way for way in deliveries if way != "app"] or ["sms"]
        login = Login(secrets.token_hex(9), phone, key.name, "", deliveries, 0, 0, policy.resend_after_s)
        return self._deliver(login, policy)

    def resend(self, login: Login) -> Login | None:
        """Send a new code in the next way; None when there is no next way."""
        if login.next_delivery is None:
            return None
        return self._deliver(replace(login, step=login.step + 1), self._policy(login.phone))

    def send_by_email(self, login: Login, email: str) -> Login:
        """Send a code to an address that is to be the person's log-in e-mail."""
        return self._deliver(replace(login, email=email), self._policy(login.phone))

    def _policy(self, phone: str) -> CodePolicy:
        person = self._world.by_phone.get(phone)
        return person.code if person else CodePolicy()

    def _deliver(self, login: Login, policy: CodePolicy) -> Login:
        now = self._clock.now()
        login.code = policy.fixed or _new_code(login.delivery, policy.length)
        login.sent_at, login.expires_at = now, now + policy.lifetime_s
        self._world.save_login(login)
        person = self._world.by_phone.get(login.phone)
        self._changes.add("code", person.id if person else 0, lambda: {"login": login_json(login)})
        if person is not None and login.delivery == "app":
            self._chats.send(self._world.people[SERVICE_ID], person, Draft(_TEXT.format(code=login.code)))
        return login

    def find(self, key: Key, phone: str, phone_code_hash: str) -> Login | None:
        """Return the log-in under way for exactly this key, phone and hash."""
        login = self._world.logins.get(phone_code_hash)
        if login is None or login.phone != phone or self._is_over(login):
            return None
        if login.moving and login.key_name != key.name:
            login.key_name, login.moving = key.name, False
            self._world.save_login(login)
        return login if login.key_name == key.name else None

    def send_on(self, key: Key) -> None:
        """Let the log-in that a key has under way go on at another data centre, under another key."""
        for login in [login for login in self._world.logins.values() if login.key_name == key.name]:
            login.moving = True
            self._world.save_login(login)

    def latest(self, phone: str) -> Login | None:
        """Return the newest code that is still good for a phone: what the person would type."""
        alive = [login for login in self._world.logins.values() if login.phone == phone and not self._is_over(login)]
        return max(reversed(alive), key=lambda login: login.sent_at) if alive else None

    def check(self, login: Login, code: str) -> Verdict:
        if self._is_over(login):
            return "expired"
        return "right" if hmac.compare_digest(login.code.encode(), code.encode()) else "wrong"

    def cancel(self, login: Login) -> None:
        self._world.forget_login(login)

    def want_password(self, key: Key, person: Person) -> None:
        """Note that the code was right and the password is still missing."""
        key.pending_user_id = person.id
        self._world.keys.save(key)

    def log_in(self, key: Key, person: Person) -> None:
        """Make the key an authorisation of a person, and burn the codes that it asked for."""
        for login in [login for login in self._world.logins.values() if login.key_name == key.name]:
            self._world.forget_login(login)
        self._world.keys.authorize(key, person.id, self._clock.now())
        self._changes.add("authorization", person.id, lambda: {"state": "new", "hash": str(key.authorization_hash)})

    def end(self, key: Key, error: str = "AUTH_KEY_UNREGISTERED", *, tell: bool = True) -> None:
        """Take a log-in away; open connections learn of it at once."""
        user_id, number = key.user_id, str(key.authorization_hash)
        if user_id is None:
            return
        self._world.keys.end(key, error)
        self._changes.add("authorization", user_id, lambda: {"state": "ended", "hash": number, "reason": error})
        if tell:
            self._hub.notice(key)

    def _is_over(self, login: Login) -> bool:
        return self._clock.now() >= login.expires_at


def _new_code(way: Delivery, length: int) -> str:
    """Return a code as it comes in this way: digits, the number that calls, a word or a phrase."""
    digits = "".join(secrets.choice("0123456789") for _ in range(length))
    match way:
        case "sms_word":
            return secrets.choice(_WORDS)
        case "sms_phrase":
            return " ".join(secrets.choice(_WORDS) for _ in range(4))
        case "flash_call":
            return f"7900{digits}"
    return digits
