"""`avio workers`: which listener processes there are, and having one hand over and end."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from shared.model.ids import WorkerId
from shared.model.worker import SILENT_AFTER, Worker, WorkerState
from shared.store.workers import WorkerStore

HEADINGS = ("worker", "state", "address", "accounts", "last beat", "started")


SILENT = (
    "A silent worker has not beaten for {seconds} s, by its own clock against this one. A live listener takes its accounts over; "
    "where none runs, start one."
)


class OperationRefused(Exception):
    """What was asked for cannot be done; the message says why."""


def listed(workers: Iterable[Worker], now: datetime) -> str:
    """Return a table of workers: the live ones first, then by when they started."""
    ordered = sorted(workers, key=lambda worker: (worker.state is not WorkerState.LIVE, worker.started_at or now, worker.id))
    rows = [HEADINGS, *(_row(worker, now) for worker in ordered)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    silent = any(worker.silent(now) for worker in ordered)
    return f"{table}\n\n{SILENT.format(seconds=int(SILENT_AFTER.total_seconds()))}" if silent else table


def drain(store: WorkerStore, worker_id: WorkerId) -> str:
    """Have a worker hand over and end; returns what to tell. Raises Refused where there is none, or it does not live. Safe to run twice."""
    worker = store.get(worker_id)
    if worker is None:
        raise OperationRefused(f"no worker {worker_id}; `avio workers` lists them")
    if not store.drain(worker_id):
        raise OperationRefused(f"worker {worker_id} is not live: it is {_state(store.get(worker_id) or worker)}")
    return f"worker {worker_id} drains: it takes nothing more, hands its {worker.accounts} accounts over, and its process ends"


def _row(worker: Worker, now: datetime) -> tuple[str, ...]:
    beat = worker.beat_at if worker.state is WorkerState.LIVE else worker.ended_at
    return worker.id, _state_now(worker, now), worker.address, str(worker.accounts), _ago(beat, now), _ago(worker.started_at, now)


def _state_now(worker: Worker, now: datetime) -> str:
    if not worker.silent(now):
        return _state(worker)
    return f"silent since {worker.beat_at:%Y-%m-%d %H:%M:%S %Z}".rstrip()


def _state(worker: Worker) -> str:
    return "draining" if worker.draining and worker.state is WorkerState.LIVE else worker.state.value


def _ago(then: datetime | None, now: datetime) -> str:
    if then is None:
        return "-"
    seconds = max(int((now - then).total_seconds()), 0)
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit} ago"
    return f"{seconds} s ago"
