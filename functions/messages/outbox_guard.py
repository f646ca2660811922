"""The operator's guard of `POST /send`: closed unless it is enabled, and then open to the recipients on a list alone (contract O2).

    OUTBOX_WHITELIST="me, @ann +79991234567 -1001234567890 79997654321@c.us"

An entry of digits stands for the id and for the phone number. A name is not looked up: `@ann` allows `@ann`, and not her id.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.errors import AvioError, Code

_ENTRIES = re.compile(r"[\s,]+")
_JID = re.compile(r"([0-9]{5,20})(?::[0-9]{1,3})?@(?:c\.us|s\.whatsapp\.net)", re.IGNORECASE | re.ASCII)
_PHONE = re.compile(r"[0-9]{7,15}", re.ASCII)
_NAME = re.compile(r"@?([A-Za-z][A-Za-z0-9_]{3,31})")


@dataclass(frozen=True)
class OutboxGuard:
    """Lets messages of `POST /send` through, or refuses them."""

    enabled: bool
    allowed: frozenset[str]

    @classmethod
    def of(cls, *, enabled: bool, whitelist: str) -> OutboxGuard:
        """Return the guard of a deployment's settings."""
        return cls(enabled, frozenset(form for entry in _ENTRIES.split(whitelist) if entry for form in _forms(entry)))

    def check(self, recipient: str) -> None:
        """Raise `outbox_disabled` or `not_whitelisted`. A recipient is `me`, `@name`, an id, `+phone` or `<number>@c.us`."""
        if not self.enabled:
            raise AvioError(Code.OUTBOX_DISABLED)
        if _form(recipient) not in self.allowed:
            raise AvioError(Code.NOT_WHITELISTED)


def _form(recipient: str) -> str:
    """Return the one form that a recipient is compared in: WhatsApp's and Telegram's phones are the same."""
    if jid := _JID.fullmatch(recipient):
        return f"+{jid[1]}"
    return recipient.lower()


def _forms(entry: str) -> list[str]:
    """Return the recipients that an entry of the list stands for."""
    if entry.lower() == "me":
        return ["me"]
    if _PHONE.fullmatch(entry):
        return [entry, f"+{entry}"]
    if name := _NAME.fullmatch(entry):
        return [f"@{name[1].lower()}"]
    return [_form(entry)]
