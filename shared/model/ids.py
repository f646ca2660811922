"""Ids by type, so that one is never passed for another."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, NewType

from pydantic import BeforeValidator

TenantId = NewType("TenantId", str)
"""A tenant's UUID, lower case with dashes."""

WorkerId = NewType("WorkerId", str)
"""One start of one listener process; never used again after its lease lapsed."""

EventId = NewType("EventId", str)
"""Deterministic: the same happening always gets the same id (`shared.model.event.event_id`)."""

Epoch = NewType("Epoch", int)
"""An account's fencing number: rises by one with each change of owner."""


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value


MessengerId = Annotated[str, BeforeValidator(_as_text)]
"""The id of a user, chat or message in its channel's own form, as text: `79991234567@c.us` is an id. Earlier versions wrote Telegram's as
numbers, which are read too."""

NOBODY = WorkerId("none")
"""The owner of an account that wants one: an index key, so that workers find it without a scan."""


class Channel(StrEnum):
    """The messenger an account lives on."""

    TELEGRAM = "telegram"
    WHATSAPP = "whatsapp"
