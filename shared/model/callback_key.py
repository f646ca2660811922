"""The keys of a tenant's callbacks. Whatever delivery keeps (records, health, backlog, log) it keeps by such a key.

    <tenant id>            the first callback, and the events as the listener queues them
    <tenant id>~first      the first callback too, in the queue: its own copies of the events, where the tenant has several callbacks
    <tenant id>~cb_...     another callback

To delivery each key is a tenant of its own: so no callback waits for another, whatever the other does. What was stored before there were
several callbacks is the first one's.
"""

from __future__ import annotations

import re

from shared.model.ids import TenantId

FIRST = "first"
FORM = r"first|cb_[0-9a-f]{12}"
_ID = re.compile(FORM)


def key_of(tenant_id: TenantId, callback_id: str) -> TenantId:
    """Return the key of a callback."""
    return TenantId(f"{tenant_id}~{callback_id}")


def owner_of(key: TenantId) -> TenantId:
    """Return the tenant that a callback's key names."""
    return TenantId(key.partition("~")[0])


def callback_of(key: TenantId) -> str:
    """Return the id of the callback that a key names."""
    return key.partition("~")[2] or FIRST


def names_copy(key: TenantId) -> bool:
    """Tell whether a key names one callback, rather than the tenant's events before they are copied for each."""
    return "~" in key


def is_callback_id(value: str) -> bool:
    """Tell whether a text has the form of a callback's id."""
    return _ID.fullmatch(value) is not None
