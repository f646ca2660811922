"""Which events a tenant accepts at its callback. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.model.delivery import DeliveryStatus
from shared.model.event import Event
from shared.model.tenant import Tenant

NO_CALLBACK = "no callback"
DISABLED = "callback disabled"
TOO_EARLY = "before the callback was set"
COUNTED = frozenset({NO_CALLBACK, TOO_EARLY})
"""Reasons that are not the tenant's own choice: the tenant is told how many events were dropped for them."""
CLOCK_SKEW = timedelta(minutes=1)
"""The largest difference between two machines' clocks that counts as normal."""


def rejection(event: Event, tenant: Tenant | None, sent_at: datetime, now: datetime, *, replayed: bool = False) -> str:
    """Return why an event is not to be posted, or an empty string. `sent_at`: when the queue got it.

    A replay was asked for, however old its event is. An event came before the callback was set only if the queue's time says so too: the
    listener's clock alone may be wrong, and would cost events. If the callback was set in the future, clocks were set back meanwhile, and
    the times cannot be compared.
    """
    if (reason := no_callback(tenant)) or replayed:
        return reason
    if tenant and tenant.callback_since and max(event.received_at, sent_at) < tenant.callback_since <= now + CLOCK_SKEW:
        return TOO_EARLY
    if tenant and not tenant.wants_kind(event.event):
        return "kind not wanted"
    if tenant and event.chat_type and not tenant.wants(event.chat_type):
        return "chat type not wanted"
    if tenant and event.chat_id and not tenant.wants_chat(event.chat_id):
        return "chat not wanted"
    return ""


def no_callback(tenant: Tenant | None) -> str:
    """Return why nothing is posted to a tenant, or an empty string."""
    if tenant is None:
        return "tenant is gone"
    if tenant.fetches:
        return ""
    if tenant.callback_url is None:
        return NO_CALLBACK
    return DISABLED if tenant.callback_disabled else ""


def final_status(tenant: Tenant) -> DeliveryStatus:
    """Return the final status of an event when its tenant no longer accepts deliveries."""
    return DeliveryStatus.DEAD if tenant.callback_url and tenant.callback_disabled else DeliveryStatus.DROPPED
