"""The types of ids, so that no id is passed in the place of another."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, NewType

from pydantic import BeforeValidator

TenantId = NewType("TenantId", str)
"""A tenant's UUID, lower case with dashes."""

WorkerId = NewType("WorkerId", str)
"""A worker: one start of a listener process. An id is never used again after its lease lapsed."""

EventId = NewType("EventId", str)
"""Deterministic: the same event always gets the same id (`shared.model.event.event_id`)."""

Epoch = NewType("Epoch", int)
"""An account's fencing number. It rises by one with each change of owner."""


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value


MessengerId = Annotated[str, BeforeValidator(_as_text)]
"""The id of a user, chat or message as text, in the form of its channel: `79991234567@c.us`. Earlier versions wrote Telegram's ids as
numbers; both are read."""

NOBODY = WorkerId("none")
"""The owner of an account that needs a worker. It is a key of index by_owner, so that workers find these accounts without a scan."""


class Channel(StrEnum):
    """The messenger of an account."""

    TELEGRAM = "telegram"
    WHATSAPP = "whatsapp"
