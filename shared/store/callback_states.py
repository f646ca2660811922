"""The state of each tenant's callback: one row, and its transitions, each one conditional write (states: `shared.model.backlog`).

    delivery function   count_failures, count_success   failures in a row; the fifth pauses the callback
                        take_hold, release_hold         a slow callback is held by one run at a time
    sweeper             lease -> probe -> start_recovery -> drain -> finish_recovery, or reschedule

A callback must not become healthy while a chat is parked with it: nobody would look at that chat again. So parking a chat with its
callback raises the callback's `seq`, under the condition that it is paused; and `finish_recovery` needs the `seq` that its run saw before
it found no chat. The row has no TTL.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from shared.model.backlog import CallbackHealth, CallbackState
from shared.model.ids import TenantId
from shared.store import keys
from shared.store.leases import DUE, FREE, LEASE, MINE, applied, changed, due_values, lease_values
from shared.store.rows import of_row
from shared.store.table import Delete, Item, Table, Update

FAILURES_IN_A_ROW = 5
_NAMES = {"#state": "state"}
_NOT_PAUSED = "(attribute_not_exists(#state) OR #state <> :paused)"
_PAUSED = {":paused": CallbackHealth.PAUSED}


def url_digest(callback_url: str | None) -> str:
    """Return a digest that tells one callback URL from another: the URL itself may contain secrets."""
    return hashlib.sha256((callback_url or "").encode()).hexdigest()[:16]


@of_row
def callback_state_of(row: Item) -> CallbackState:
    """Return the state in a row; raises Malformed."""
    return CallbackState.model_validate({name: row[name] for name in CallbackState.model_fields if name in row})


def chat_joins(tenant_id: TenantId) -> Update:
    """Return the write that goes with parking a chat with its callback. Its condition is that the callback is paused."""
    return Update(keys.callback_state(tenant_id), "ADD seq :one", {":one": 1, **_PAUSED}, "#state = :paused", _NAMES)


class CallbackStateStore:
    """Reads and writes callback states."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, tenant_id: TenantId) -> CallbackState:
        """Return a callback's state; raises Malformed."""
        row = self._table.get(keys.callback_state(tenant_id))
        return callback_state_of(row) if row else CallbackState()

    def count_failures(
        self,
        tenant_id: TenantId,
        callback: str,
        now: datetime,
        first_probe: datetime,
        *,
        count: int = 1,
        held_until: datetime | None = None,
    ) -> CallbackState:
        """Count failures; the fifth in a row pauses the callback, due at `first_probe`. Return the new state; raises Malformed.

        `callback` is the URL's digest. With `held_until` the callback was slow, and is held until then: other runs start no attempt there.
        """
        held = {":held_until": keys.moment(held_until), ":now": keys.moment(now)} if held_until else {}
        update = "ADD failures :count" + (" SET held_until = :held_until, slow_at = :now" if held else "")
        state = callback_state_of(self._table.update(keys.callback_state(tenant_id), update, {":count": count, **held}))
        if state.failures < FAILURES_IN_A_ROW or state.state is CallbackHealth.PAUSED:
            return state
        update = f"SET #state = :paused, since = :now, callback = :callback, probes = :none, {DUE}"
        values = {**_PAUSED, ":now": now.isoformat(), ":callback": callback, ":none": 0, ":most": FAILURES_IN_A_ROW}
        values |= due_values(tenant_id, first_probe)
        return self._changed(tenant_id, update, values, f"failures >= :most AND {_NOT_PAUSED}") or state

    def wait_for_fetches(self, tenant_id: TenantId, now: datetime) -> CallbackState:
        """Have the events of a callback that fetches them parked: it is paused, and never due. Safe to run twice; raises Malformed."""
        update = "SET #state = :paused, since = if_not_exists(since, :now)"
        row = self._table.update(keys.callback_state(tenant_id), update, {**_PAUSED, ":now": now.isoformat()}, None, _NAMES)
        return callback_state_of(row)

    def count_success(self, tenant_id: TenantId) -> None:
        """Reset the count of failures. A paused callback stays paused: only its probes end that."""
        self._changed(tenant_id, "SET failures = :none", {":none": 0, **_PAUSED}, f"attribute_exists(pk) AND {_NOT_PAUSED}")

    def take_hold(self, tenant_id: TenantId, now: datetime, until: datetime) -> CallbackState | None:
        """Hold a slow callback; None if another run holds it. If the run dies, the hold ends at `until`."""
        values = {":until": keys.moment(until), ":now": keys.moment(now)}
        return self._changed(tenant_id, "SET held_until = :until", values, "held_until <= :now")

    def release_hold(self, tenant_id: TenantId, held_until: datetime, now: datetime) -> None:
        """End a hold early, unless another run has taken it since."""
        values = {":mine": keys.moment(held_until), ":now": keys.moment(now)}
        self._changed(tenant_id, "SET held_until = :now", values, "held_until = :mine")

    def probe_new_url(self, tenant_id: TenantId, seen: str, callback: str, now: datetime) -> None:
        """Have a paused callback probed now: its URL's digest is not the one `seen` when it was paused."""
        values = {":callback": callback, ":seen": seen, ":now": now.isoformat(), **_PAUSED}
        if self._changed(tenant_id, "SET callback = :callback, since = :now", values, "callback = :seen AND #state = :paused"):
            self.wake(tenant_id, now)

    def wake(self, tenant_id: TenantId, now: datetime) -> bool:
        """Have a callback that is not healthy tried now, or when its lease is given back; False if it is healthy. Safe to run twice."""
        values = {":none": 0, ":now": keys.moment(now)}
        woken = "SET probes = :none, woken_at = :now"
        if self._changed(tenant_id, f"{woken}, due_at = :now", values, f"attribute_exists(#state) AND {FREE}"):
            return True
        return self._changed(tenant_id, woken, values, "attribute_exists(#state)") is not None

    def restart(self, tenant_id: TenantId, now: datetime) -> None:
        """Have the five days begin now, after which a paused callback is disabled."""
        self._changed(tenant_id, "SET since = :now", {":now": now.isoformat()}, "attribute_exists(#state)")

    def lease(self, tenant_id: TenantId, me: str, now: datetime, until: datetime) -> CallbackState | None:
        """Lease a callback that is not healthy; None if it is healthy, or another run has it. It is due again when the lease ends."""
        update = f"{LEASE}, due_at = :due_at REMOVE woken_at"
        return self._changed(tenant_id, update, lease_values(me, now, until), f"attribute_exists(#state) AND {FREE}")

    def start_recovery(self, tenant_id: TenantId, me: str) -> CallbackState | None:
        """Have a paused callback recover, after it took a probe; None if this run no longer has the lease."""
        values = {":recovering": CallbackHealth.RECOVERING, **_PAUSED, ":me": me, ":none": 0}
        return self._changed(tenant_id, "SET #state = :recovering, failures = :none", values, f"#state = :paused AND {MINE}")

    def reschedule(self, tenant_id: TenantId, me: str, due: datetime, probes: int, now: datetime) -> bool:
        """Give a callback back, due at a time, or now if it was woken during the lease; False if the lease is lost."""
        update = f"SET {DUE}, probes = :probes REMOVE drainer, leased_until"
        values: dict[str, Any] = {":probes": probes, ":me": me, **due_values(tenant_id, due)}
        if self._changed(tenant_id, update, values, f"{MINE} AND attribute_not_exists(woken_at)"):
            return True
        return self._changed(tenant_id, update, {**values, **due_values(tenant_id, now), ":probes": 0}, MINE) is not None

    def finish_recovery(self, tenant_id: TenantId, me: str, seq: int) -> bool:
        """Make a callback healthy; False if a chat was parked with it since `seq` was seen, or the lease is lost."""
        values = {":recovering": CallbackHealth.RECOVERING, ":me": me, ":seen": seq}
        condition = f"#state = :recovering AND seq = :seen AND {MINE}"
        return applied(self._table, [Delete(keys.callback_state(tenant_id), condition, values, _NAMES)])

    def _changed(self, tenant_id: TenantId, update: str, values: dict[str, Any], condition: str) -> CallbackState | None:
        names = _NAMES if "#state" in update + condition else None
        row = changed(self._table, keys.callback_state(tenant_id), update, values, condition, names)
        return callback_state_of(row) if row else None
