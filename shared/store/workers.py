"""The worker rows. All are in one partition, so that a worker lists its peers with one consistent query."""

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
        """Write a new worker's row, if it does not exist: a late retry must not revive a worker that is over.

        The id is new, so an existing row is from this write's own first try.
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
        """Return the rows of all workers that are live, or ended or died within a day. The read is consistent."""
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
        """Raise the beat by one, if it is still `last` and the worker is live; else raises ConditionFailed with the row as it is.

        This never creates the row. A beat that arrives after its time-out finds another number, or a dead worker, and changes nothing.
        `heard`: the nudges to remove from the row. The returned row has those that came since. `now` is for display only.
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
        """Mark a worker as ended: it holds no accounts. Only the worker itself calls this. Final; safe to run twice."""
        self._finish(worker_id, WorkerState.ENDED, now, "#state = :live", {":live": WorkerState.LIVE})

    def kill(self, worker_id: WorkerId, seen_beat: int, now: datetime) -> bool:
        """Mark a worker as dead if its beat is still `seen_beat`; False if it has beaten since, or had ended.

        Final: after this write its beats fail, so it cannot extend its lease, and every reader of the row knows that it is dead.
        """
        condition = "#state <> :ended AND #state <> :dead AND beat = :seen"
        values: dict[str, object] = {":ended": WorkerState.ENDED, ":dead": WorkerState.DEAD, ":seen": seen_beat}
        return self._finish(worker_id, WorkerState.DEAD, now, condition, values)

    def drain(self, worker_id: WorkerId) -> bool:
        """Have a live worker hand its accounts over and end; False if it is not live. Safe to run twice.

        The worker reads this with its next beat. It takes no more accounts from then on.
        """
        condition, values = "#state = :live", {":live": WorkerState.LIVE, ":yes": True}
        try:
            self._table.update(keys.worker(worker_id), "SET draining = :yes", values, condition, {"#state": "state"})
        except ConditionFailed:
            return False
        return True

    def forget(self, worker_id: WorkerId) -> None:
        """Remove the row of a worker that ended or died, and owns no accounts."""
        try:
            self._table.delete(keys.worker(worker_id), "attribute_exists(ended_at)")
        except ConditionFailed:
            return

    def nudge(self, worker_id: WorkerId, tenant_id: TenantId) -> None:
        """Tell a live worker that a tenant's account row has changed. The worker reads this with its next beat.

        Without the nudge nothing is lost: a claim reads the row. Each nudge is unique, so that removing an old nudge never removes a new
        one.
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
    """Return the worker in a row. A malformed row becomes a worker of unknown state, which counts as alive.

    Without it the worker would count as over, and its peers would claim the accounts that it holds.
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
