"""Worker rows: beat, end, kill. One partition, so that workers list each other with one consistent query."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from pydantic import SecretStr, ValidationError

from shared.model.ids import Channel, TenantId, WorkerId
from shared.model.worker import Worker, WorkerState
from shared.store import keys
from shared.store.table import ConditionFailed, Item, Table

KEPT_AFTER_END = timedelta(hours=24)


class WorkerStore:
    """Reads and writes worker rows."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def register(self, worker: Worker) -> None:
        """Write a new worker's row, once: a try whose answer came late must not bring a worker back to life.

        Its id is new, so a row that is there already is this write's own first try.
        """
        row = {
            **keys.worker(worker.id),
            **worker.model_dump(mode="json", exclude={"id", "rpc_key", "nudges"}),
            "rpc_key": worker.rpc_key.get_secret_value(),
        }
        try:
            self._table.put(row, "attribute_not_exists(pk)")
        except ConditionFailed:
            return

    def get(self, worker_id: WorkerId) -> Worker | None:
        """Return a worker's row, or None."""
        row = self._table.get(keys.worker(worker_id))
        return _worker(row) if row else None

    def all(self) -> list[Worker]:
        """Return every worker's row as it is now: live ones, and those that ended or died within a day."""
        return [_worker(row) for row in self._table.query("pk = :pk", {":pk": keys.WORKERS}, ConsistentRead=True)]

    def beat(
        self,
        worker_id: WorkerId,
        last: int,
        accounts: int,
        heard: frozenset[str],
        now: datetime | None = None,
        by_channel: Mapping[Channel, int] | None = None,
    ) -> Worker:
        """Raise the beat by one, if it is still `last` and the worker is live; raises ConditionFailed with the row as it is.

        Never creates the row. A beat that arrives after its time-out finds another number, or a dead worker, and changes nothing.
        `heard` are nudges to take off the row; those that came since are in the answer. `now` is for people who look at the row.
        """
        forget = " DELETE nudges :heard" if heard else ""
        values: dict[str, object] = {":next": last + 1, ":last": last, ":live": WorkerState.LIVE, ":accounts": accounts, ":heard": heard}
        names = {"#state": "state"}
        told = ""
        if now:
            told, values[":now"] = ", beat_at = :now", now.isoformat()
        if by_channel is not None:
            told, values[":by_channel"] = f"{told}, accounts_by_channel = :by_channel", dict(by_channel)
        update = f"SET beat = :next, accounts = :accounts{told}{forget}"
        return _worker(self._table.update(keys.worker(worker_id), update, values, "beat = :last AND #state = :live", names))

    def end(self, worker_id: WorkerId, now: datetime) -> None:
        """Declare, as the worker itself, that it holds nothing any more. Final; safe to run twice."""
        self._finish(worker_id, WorkerState.ENDED, now, "#state = :live", {":live": WorkerState.LIVE})

    def kill(self, worker_id: WorkerId, seen_beat: int, now: datetime) -> bool:
        """Declare a worker dead whose beat has not moved from `seen_beat`; False where it had moved, or was over already.

        Final: from this write on its beats fail, so it can extend its lease no more, and whoever reads the row knows it.
        """
        condition = "#state <> :ended AND #state <> :dead AND beat = :seen"
        values: dict[str, object] = {":ended": WorkerState.ENDED, ":dead": WorkerState.DEAD, ":seen": seen_beat}
        return self._finish(worker_id, WorkerState.DEAD, now, condition, values)

    def drain(self, worker_id: WorkerId) -> bool:
        """Have a live worker take nothing more, hand over what it holds and end; False where it does not live. Safe to run twice.

        It learns that with its next beat.
        """
        condition, values = "#state = :live", {":live": WorkerState.LIVE, ":yes": True}
        try:
            self._table.update(keys.worker(worker_id), "SET draining = :yes", values, condition, {"#state": "state"})
        except ConditionFailed:
            return False
        return True

    def forget(self, worker_id: WorkerId) -> None:
        """Remove a row whose worker ended or died and owns no account any more."""
        try:
            self._table.delete(keys.worker(worker_id), "attribute_exists(ended_at)")
        except ConditionFailed:
            return

    def nudge(self, worker_id: WorkerId, tenant_id: TenantId) -> None:
        """Let a live worker know, with its next beat, that a tenant's account row says something new.

        Nothing is lost without it: a claim reads the row. Each nudge is one of its own, so that taking an old one off the row never
        takes a new one.
        """
        values = {":nudge": {f"{tenant_id}/{secrets.token_hex(4)}"}, ":live": WorkerState.LIVE}
        try:
            self._table.update(keys.worker(worker_id), "ADD nudges :nudge", values, "#state = :live", {"#state": "state"})
        except ConditionFailed:
            return

    def _finish(self, worker_id: WorkerId, state: WorkerState, now: datetime, condition: str, values: dict[str, object]) -> bool:
        names = {"#state": "state"}
        values = {**values, ":state": state, ":now": now.isoformat()}
        try:
            self._table.update(keys.worker(worker_id), "SET #state = :state, ended_at = :now", values, condition, names)
        except ConditionFailed as failed:
            return bool(failed.item and failed.item.get("state") == state)
        return True


def _worker(row: Item) -> Worker:
    """Return the worker that a row holds; where it makes no sense, one of which nothing is known but that it may be alive.

    Left out it would count as over, and others would claim what it holds.
    """
    fields = {name: value for name, value in row.items() if name not in {"pk", "sk", "rpc_key"}}
    try:
        return Worker.model_validate({"id": row["sk"], "rpc_key": SecretStr(row["rpc_key"]), **fields})
    except (ValidationError, KeyError):
        state, beat = WorkerState(str(row.get("state"))), row.get("beat")
        beat = int(beat) if isinstance(beat, int | Decimal) else -1
        return Worker(
            id=row["sk"], state=state if state.over else WorkerState.UNKNOWN, beat=beat, address="", certificate="", rpc_key=SecretStr("")
        )
