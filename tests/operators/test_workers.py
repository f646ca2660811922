"""The operators' command line, on rows that lie there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from operators import __main__ as avio
from operators.workers import OperationRefused, drain, listed
from shared.model.ids import WorkerId
from shared.model.worker import Worker, WorkerState
from shared.store.workers import WorkerStore
from tests.support.fake_stores import OwnershipStores

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def store() -> WorkerStore:
    """Two workers: one beats, one has ended."""
    store = OwnershipStores().workers
    for name, started in (("one", NOW - timedelta(hours=3)), ("two", NOW - timedelta(days=4))):
        store.register(
            Worker(
                id=WorkerId(name),
                state=WorkerState.LIVE,
                beat=0,
                address="10.0.0.1:9000",
                certificate="pem",
                rpc_key=SecretStr("a secret"),
                started_at=started,
            )
        )
    store.beat(WorkerId("one"), 0, 7, frozenset(), NOW - timedelta(seconds=2))
    store.end(WorkerId("two"), NOW - timedelta(minutes=5))
    return store


def test_workers_are_listed_live_ones_first(store: WorkerStore) -> None:
    """Id, state, address, accounts, age of the last beat (or the end) and of the start; no key."""
    assert [line.split(maxsplit=4) for line in listed(store.all(), NOW).splitlines()[1:]] == [
        ["one", "live", "10.0.0.1:9000", "7", "2 s ago    3 h ago"],
        ["two", "ended", "10.0.0.1:9000", "0", "5 min ago  4 d ago"],
    ]


def test_a_worker_that_does_not_beat_is_listed_as_silent(store: WorkerStore) -> None:
    """Its row still says live: since when, by which clocks, and what to do are told."""
    told = listed(store.all(), NOW + timedelta(minutes=2))
    assert "silent since 2026-03-01 11:59:58 UTC" in told
    assert "live " not in told.splitlines()[1]
    assert "where none runs, start one" in told


def test_a_live_worker_is_drained_and_learns_it_with_its_next_beat(store: WorkerStore) -> None:
    """The list says so too; asking twice changes nothing."""
    assert "hands its 7 accounts over" in drain(store, WorkerId("one"))
    drain(store, WorkerId("one"))
    assert "draining" in listed(store.all(), NOW)
    assert store.beat(WorkerId("one"), 1, 7, frozenset()).draining


def test_a_worker_that_is_over_is_not_drained(store: WorkerStore) -> None:
    """It says what it is."""
    with pytest.raises(OperationRefused, match="worker two is not live: it is ended"):
        drain(store, WorkerId("two"))


def test_a_worker_that_never_was_is_not_drained(store: WorkerStore) -> None:
    """And no row is made for it."""
    with pytest.raises(OperationRefused, match="no worker three"):
        drain(store, WorkerId("three"))
    assert store.get(WorkerId("three")) is None


def test_without_a_table_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a traceback nor a guess."""
    monkeypatch.delenv("TABLE_NAME", raising=False)
    with pytest.raises(SystemExit, match="set TABLE_NAME"):
        avio.main(["workers"])


def test_locally_it_says_when_nothing_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The file that says where is there only while `make up` runs."""
    monkeypatch.setattr(avio, "LOCAL", tmp_path / "avio.env")
    with pytest.raises(SystemExit, match="make up"):
        avio.main(["--local", "workers"])


def test_a_worker_that_does_not_beat_is_called_silent(store: WorkerStore) -> None:
    """Not live: its row says so only once a peer has looked for 16 s. The list says what follows from it."""
    later = NOW + timedelta(minutes=2)
    told = listed(store.all(), later)
    assert told.splitlines()[1].split()[:2] == ["one", "silent"]
    assert "takes its accounts over" in told
    assert "silent" not in listed(store.all(), NOW)
