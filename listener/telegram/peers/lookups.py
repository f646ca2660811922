"""What one account has looked up at Telegram: found phones, absent names and phones, its contacts, and a pause of imports.

Telegram allows few look-ups, and then makes the account wait for hours. So each answer is kept for a while; not for ever, since names and
numbers change hands, and somebody absent may come.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from telethon.tl import types

BOUND = 100
"""Answers of each kind that are kept."""

PHONE_TRUSTED_S = 3600.0
"""Seconds for which a phone is taken to be the user's whom it led to."""

ABSENT_S = 60.0
"""Seconds for which a name or phone that nobody has is not looked up again."""

CONTACTS_TRUSTED_S = 600.0
"""Seconds for which the contacts are not asked for again."""

IMPORTS_PAUSED_S = 3600
"""Seconds without imports after Telegram has put one off (`retry_contacts`). An estimate: Telegram names no time."""


class LookUps:
    """One account's look-ups. `clock` returns the seconds since boot."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._phones: dict[str, tuple[int, float]] = {}
        self._absent: dict[str, float] = {}
        self._contacts: dict[str, tuple[int, int]] | None = None
        self._contacts_until = 0.0
        self._imports_from = 0.0

    def user_of(self, phone: str) -> int | None:
        """Return the id of the user whom this phone led to lately."""
        found = self._phones.get(phone)
        return found[0] if found and self._clock() < found[1] else None

    def found(self, phone: str, user_id: int) -> None:
        """Note whose a phone is."""
        _keep(self._phones, phone, (user_id, self._clock() + PHONE_TRUSTED_S))
        self._absent = {name: until for name, until in self._absent.items() if not name.endswith(phone)}

    def is_absent(self, sought: str) -> bool:
        """Tell whether this was looked up a moment ago, and nobody had it."""
        return self._clock() < self._absent.get(sought, -math.inf)

    def absent(self, sought: str) -> None:
        """Note that nobody has a name or phone."""
        _keep(self._absent, sought, self._clock() + ABSENT_S)

    @property
    def contacts(self) -> dict[str, tuple[int, int]] | None:
        """The phones of the account's contacts with id and access hash, None if they should be asked for."""
        return self._contacts if self._clock() < self._contacts_until else None

    def learn_contacts(self, users: Iterable[Any]) -> None:
        """Keep the phones of all contacts."""
        known = (user for user in users if isinstance(user, types.User) and user.phone and user.access_hash is not None)
        self._contacts = {f"+{user.phone}": (user.id, user.access_hash) for user in known}
        self._contacts_until = self._clock() + CONTACTS_TRUSTED_S

    @property
    def imports_paused_s(self) -> int:
        """The seconds until the next import, 0 if one may be tried now."""
        return max(0, math.ceil(self._imports_from - self._clock()))

    def pause_imports(self) -> None:
        """Note that Telegram has put an import off."""
        self._imports_from = self._clock() + IMPORTS_PAUSED_S


def _keep(answers: dict[str, Any], key: str, answer: Any) -> None:
    answers.pop(key, None)
    answers[key] = answer
    if len(answers) > BOUND:
        del answers[next(iter(answers))]
