"""Ids by type, so that one is never passed for another."""

from __future__ import annotations

from enum import StrEnum
from typing import NewType

TenantId = NewType("TenantId", str)
"""A tenant's UUID, lower case with dashes."""

WorkerId = NewType("WorkerId", str)
"""One start of one listener process; never used again after its lease lapsed."""

EventId = NewType("EventId", str)
"""Deterministic: the same happening always gets the same id (`shared.model.event.event_id`)."""

Epoch = NewType("Epoch", int)
"""An account's fencing number: rises by one with each change of owner."""

NOBODY = WorkerId("none")
"""The owner of an account that wants one: an index key, so that workers find it without a scan."""


class Channel(StrEnum):
    """The messenger an account lives on."""

    TELEGRAM = "telegram"
    WHATSAPP = "whatsapp"
