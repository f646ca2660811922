"""Which events a tenant wants at its callback. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.model.delivery import DeliveryStatus
from shared.model.event import Event
from shared.model.tenant import Tenant

NO_CALLBACK = "no callback"
TOO_EARLY = "before the callback was set"
COUNTED = frozenset({NO_CALLBACK, TOO_EARLY})
"""Reasons to drop an event that are no wish of the tenant's: it is told how many there were."""
CLOCKS_APART = timedelta(minutes=1)
"""How far the clocks of two machines may be apart that are both right."""


def unwanted(event: Event, tenant: Tenant | None, sent_at: datetime, now: datetime, *, replayed: bool = False) -> str:
    """Return why an event that the queue has had since `sent_at` is not to be posted, or nothing.

    What is replayed was asked for, however old it is. An event is from before the callback was set only where the queue says so too: the
    listener's clock alone may be wrong, and would cost events. Nor is it where the callback was set in the future: the clocks were set back
    meanwhile, and their times cannot be compared.
    """
    if (stopped := no_callback(tenant)) or replayed:
        return stopped
    if tenant and tenant.callback_since and max(event.received_at, sent_at) < tenant.callback_since <= now + CLOCKS_APART:
        return TOO_EARLY
    if tenant and not tenant.wants(event.message.chat_type):
        return "chat type not wanted"
    return ""


def no_callback(tenant: Tenant | None) -> str:
    """Return why nothing at all is posted to a tenant, or nothing."""
    if tenant is None:
        return "tenant is gone"
    if tenant.callback_url is None:
        return NO_CALLBACK
    return "callback disabled" if tenant.callback_disabled else ""


def end_of(tenant: Tenant) -> DeliveryStatus:
    """Return how an event ends that was to go to a tenant, and is not to any more."""
    return DeliveryStatus.DEAD if tenant.callback_url and tenant.callback_disabled else DeliveryStatus.DROPPED
