"""Which events a tenant wants at its callback. Pure."""

from __future__ import annotations

from shared.model.delivery import DeliveryStatus
from shared.model.event import Event
from shared.model.tenant import Tenant


def unwanted(event: Event, tenant: Tenant | None, *, replayed: bool = False) -> str:
    """Return why an event that comes from the queue is not to be posted, or nothing. What is replayed was asked for, however old it is."""
    if (stopped := no_callback(tenant)) or replayed:
        return stopped
    if tenant and tenant.callback_since and event.received_at < tenant.callback_since:
        return "before the callback was set"
    if tenant and not tenant.wants(event.message.chat_type):
        return "chat type not wanted"
    return ""


def no_callback(tenant: Tenant | None) -> str:
    """Return why nothing at all is posted to a tenant, or nothing."""
    if tenant is None:
        return "tenant is gone"
    if tenant.callback_url is None:
        return "no callback"
    return "callback disabled" if tenant.callback_disabled else ""


def end_of(tenant: Tenant) -> DeliveryStatus:
    """Return how an event ends that was to go to a tenant, and is not to any more."""
    return DeliveryStatus.DEAD if tenant.callback_disabled else DeliveryStatus.DROPPED
