"""Changes of accounts' states that are still to be queued as events (`account.status`).

    listener   changes an account's row, and puts the event here, in one transaction: no death comes between
    sweeper    queues what is here, in order per account, then removes it

What is queued and not removed is queued again under the same id, which the queue and the event's record drop.
"""

from __future__ import annotations

from collections.abc import Iterator

from shared.model.event import AccountStatusChanged, Event, read_event
from shared.model.ids import Epoch
from shared.store import keys
from shared.store.rows import Malformed, each, of_row
from shared.store.table import Item, Put, Table


def put(event: AccountStatusChanged, epoch: Epoch, number: int) -> Put:
    """Return the write of an owner's change of a number. A change that is written twice is here once."""
    key = keys.status_outbox(event.tenant_id, event.channel, epoch, number)
    return Put({**key, "event": event.model_dump_json(exclude_none=True)})


class StatusOutbox:
    """Reads and empties the outbox."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def waiting(self, limit: int) -> Iterator[tuple[keys.Key, Event] | Malformed]:
        """Yield up to `limit` events with their keys, each account's in order."""
        rows = self._table.query("pk = :pk", {":pk": keys.STATUS_OUTBOX}, ConsistentRead=True, Limit=limit)
        return each(_entry, (row for row, _ in zip(rows, range(limit), strict=False)))

    def remove(self, sent: list[keys.Key]) -> None:
        """Remove what is queued. Safe to run twice."""
        self._table.delete_many(sent)


@of_row
def _entry(row: Item) -> tuple[keys.Key, Event]:
    return {"pk": row["pk"], "sk": row["sk"]}, read_event(row["event"])
