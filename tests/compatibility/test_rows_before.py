"""Every row that was stored before is read by today's stores: its fields with their values, and no field left over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from local.emulator_account import EmulatorAccount
from shared.model.event import read_event
from shared.model.ids import Channel, EventId, TenantId, WorkerId
from shared.store.accounts import AccountStore
from shared.store.backlog import BacklogStore
from shared.store.callback_states import CallbackStateStore
from shared.store.deliveries import DeliveryStore
from shared.store.dev_receiver import ReceiverStore
from shared.store.peers import PeerStore
from shared.store.table import Table
from shared.store.tenants import TenantStore
from shared.store.tokens import TokenStore
from shared.store.workers import WorkerStore
from tests.compatibility import stored
from tests.compatibility.recording import FOLDERS, Recording
from tests.support.rows import whole

KEYS = {"pk", "sk"}
DUE = {"due_shard", "woken_at"}
OF_THE_LOG = {"chat", "received_at", "last", "listed", "listed_at", "expires_at"}
"""What a delivery's row has for its index and for listings."""
FENCED = {"SESSION", "MARKS"}
"""What only an account's owner reads: test_stored_before.py has one take over."""
Row = dict[str, Any]


class RecordedStores:
    """Today's stores over a recording; each method reads one kind of row."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        dynamodb = recording.aws.client("dynamodb")
        self.tables = {name: Table(dynamodb, name) for name in (recording.aws.table_name, recording.aws.deliveries_table_name)}
        state, deliveries = self.tables.values()
        self.tenants, self.accounts, self.peers = TenantStore(state), AccountStore(state), PeerStore(state)
        self.workers, self.tokens = WorkerStore(state), TokenStore(state)
        self.deliveries, self.receiver = DeliveryStore(deliveries), ReceiverStore(deliveries)
        self.callbacks, self.backlog = CallbackStateStore(deliveries), BacklogStore(deliveries, self.deliveries)
        self._pages: dict[TenantId, set[str]] = {}

    def tenant(self, row: Row) -> None:
        found = self.tenants.get(_tenant(row))
        assert found if not row["deleting"] else found is None
        if found:
            agrees(found, row)

    def key(self, row: Row) -> None:
        (found,) = [key for key in self.tenants.keys_of(_tenant(row)) if key.id == row["id"]]
        agrees(found, row)

    def account(self, row: Row) -> None:
        found = self.accounts.get(_tenant(row), _channel(row))
        assert found
        assert not found.left_alone
        agrees(found, row)
        if row.get("owner"):
            owned = [one.tenant_id for one in self.accounts.owned_by(WorkerId(row["owner"]))]
            assert _tenant(row) in owned

    def peer(self, row: Row) -> None:
        agrees(self.peers.get(_tenant(row), _channel(row), int(row["sk"].rsplit("#")[-1])), row)

    def worker(self, row: Row) -> None:
        agrees(self.workers.get(WorkerId(row["sk"])), row)
        assert row["sk"] in {worker.id for worker in self.workers.all()}

    def directory(self, row: Row) -> None:
        assert self.tenants.id_of(int(row["sk"])) == row["tenant_id"]

    def counter(self, row: Row) -> None:
        made, _ = self.tenants.create("Later", None, self.recording.clock.now(), None, TenantId("0b7e9a52-0000-4000-8000-0000000000ff"))
        assert made.number == row["last"] + 1

    def settings(self, row: Row) -> None:
        agrees(self.tokens.get(), row)

    def ended(self, row: Row) -> None:
        (found,) = self.tenants.ended(self.recording.clock.now())
        assert (found.listed_as, found.tenant_id) == (row["sk"], row["sk"].partition("#")[2])
        assert normal(found.ended_at) == normal(row["ended_at"])

    def created(self, row: Row) -> None:
        found = self.tenants.creation(self.recording.cast["creation"]["idempotency_key"], self.recording.clock.now())
        assert found
        assert found.tenant_id == self.recording.id("once")
        assert (found.salt, found.fingerprint, found.signing_secret) == (row["salt"], row["fingerprint"], row["signing_secret"])

    def event(self, row: Row) -> None:
        found = self.deliveries.get(_tenant(row), EventId(row["sk"].partition("#")[2]))
        assert found
        assert found.event == read_event(row["event"])
        agrees(found, {name: value for name, value in row.items() if name != "event"}, OF_THE_LOG)
        assert found.event.id in self._listed(found.event.tenant_id)

    def _listed(self, tenant_id: TenantId) -> set[str]:
        if tenant_id not in self._pages:
            self._pages[tenant_id] = {one.event_id for one in whole(self.deliveries.page(tenant_id, limit=100)[0])}
        return self._pages[tenant_id]

    def callback(self, row: Row) -> None:
        agrees(self.callbacks.get(_tenant(row)), row, DUE)

    def chat(self, row: Row) -> None:
        (found,) = [chat for chat in whole(self.backlog.chats(_tenant(row))) if chat.chat == row["chat"]]
        agrees(found, row, DUE)

    def lot(self, row: Row) -> None:
        _, chat, number = row["sk"].split("#")
        (found,) = [slot for slot in self.backlog.slots(_tenant(row), chat, 100) if slot.number == int(number)]
        assert found.event_id == row["event_id"]
        assert found.record

    def dropped(self, row: Row) -> None:
        found = self.deliveries.dropped(_tenant(row))
        assert found
        assert found.count == row["dropped"]
        agrees(found, {name: value for name, value in row.items() if name != "dropped"}, {"expires_at"})

    def trials(self, row: Row) -> None:
        assert set(row) == {*KEYS, "made", "expires_at"}  # counted up, and read by nobody else

    def received(self, row: Row) -> None:
        assert row["received_at"] in [one["received_at"] for one in self.receiver.newest(10, self.recording.clock.now())]


READERS: dict[str, Callable[[RecordedStores, Row], None]] = {
    "TENANT": RecordedStores.tenant,
    "KEY": RecordedStores.key,
    "ACCOUNT": RecordedStores.account,
    "PEER": RecordedStores.peer,
    "WORKERS": RecordedStores.worker,
    "TENANTS": RecordedStores.directory,
    "COUNTER": RecordedStores.counter,
    "SETTINGS": RecordedStores.settings,
    "ENDED": RecordedStores.ended,
    "CREATED": RecordedStores.created,
    "EVENT": RecordedStores.event,
    "CALLBACK": RecordedStores.callback,
    "CHAT": RecordedStores.chat,
    "LOT": RecordedStores.lot,
    "DROPPED": RecordedStores.dropped,
    "TRIALS": RecordedStores.trials,
    "RECEIVER": RecordedStores.received,
}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_row_is_read_with_all_its_fields(account: EmulatorAccount, folder: Path) -> None:
    """A field that was given another name and no alias would be passed over in silence: rows hide what they do not know."""
    stores = RecordedStores(Recording(account, folder))
    kinds = set()
    for name, table in zip(("avio", "deliveries"), stores.tables.values(), strict=True):
        for kept in stored.rows_in(folder, name):
            row = table.get({"pk": kept["pk"]["S"], "sk": kept["sk"]["S"]})
            assert row
            kinds.add(kind := _kind(row))
            if kind not in FENCED:
                READERS[kind](stores, row)
    assert kinds == {*READERS, *FENCED}


TEXT_NOW = {"user_id"}
"""Ids that were numbers, and are read as text."""


def agrees(found: BaseModel | None, row: Row, beside: set[str] | frozenset[str] = frozenset()) -> None:
    """Assert that a model says what its row says, and that the row says nothing else but its keys and what is named `beside`."""
    assert found is not None
    said = {name: normal(value) for name, value in found.model_dump(by_alias=True).items()}
    for name, value in row.items():
        if name not in KEYS | beside:
            assert name in said, f"{row['sk']}: {name} is passed over"
            assert said[name] == normal(str(value) if name in TEXT_NOW else value), f"{row['sk']}: {name}"


def normal(value: Any) -> Any:
    """Return a value in the one form in which a row's and a model's can be compared."""
    match value:
        case SecretStr():
            return value.get_secret_value()
        case Enum():
            return value.value
        case dict():
            return {name: normal(inner) for name, inner in value.items() if inner not in (None, "")}
        case set() | frozenset():
            return sorted(map(normal, value))
        case list() | tuple():
            return [normal(inner) for inner in value]
        case datetime():
            return value.timestamp()
        case str() if len(value) >= len("2026-03-01T12:00:00Z") and value[4] == value[7] == "-" and value[10] == "T":
            return datetime.fromisoformat(value).timestamp()
        case _:
            return value


def _kind(row: Row) -> str:
    """Return what a row's key begins with: that of the partition, but for a tenant's rows."""
    return str(row["sk" if row["pk"].startswith("T#") else "pk"].partition("#")[0])


def _tenant(row: Row) -> TenantId:
    return TenantId(row["pk"].removeprefix("T#"))


def _channel(row: Row) -> Channel:
    return Channel(row["sk"].split("#")[1])
