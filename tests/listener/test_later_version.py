"""Rows of a later version, as after a rollback: each costs its own account or worker, never the process."""

from __future__ import annotations

import pytest

from listener.core.commands import run
from listener.core.ownership.heartbeat import Lapsed
from listener.core.ownership.lease import LEASE_S, SILENCE_S
from shared.errors import AvioError, Code
from shared.model.account import Account, AccountState, Wanted
from shared.model.ids import NOBODY, Channel, TenantId, WorkerId
from shared.model.tenant import ChatType, Scope, Tenant, TenantKey
from shared.model.worker import WorkerState
from shared.rpc.log_in import StartLogIn
from shared.rpc.wire import Addressed
from shared.store import keys
from shared.store.workers import WorkerStore
from tests.support.clock import FakeClock
from tests.support.listener_harness import ListenerHarness, WorkerHarness, telegram

TENANT, OTHER = TenantId("11111111-1111-1111-1111-111111111111"), TenantId("22222222-2222-2222-2222-222222222222")


def write(harness: ListenerHarness, key: dict[str, str], **fields: object) -> None:
    """Write fields of a row as somebody else does."""
    names = {f"#{name}": name for name in fields}
    update = "SET " + ", ".join(f"#{name} = :{name}" for name in fields)
    harness.table.update(key, update, {f":{name}": value for name, value in fields.items()}, None, names)


async def other_worker(harness: ListenerHarness, **fields: object) -> WorkerId:
    """A worker whose row holds what this version does not know."""
    worker = harness.registered_worker(FakeClock())
    write(harness, keys.worker(worker.id), **fields)
    return worker.id


def unowned(harness: ListenerHarness, tenant_id: TenantId, **fields: object) -> None:
    """An account that wants an owner."""
    write(harness, keys.account(tenant_id, Channel.TELEGRAM), owner=NOBODY, epoch=1, **fields)


async def looked(worker: WorkerHarness, clock: FakeClock) -> None:
    """Look around until what is left lying is taken."""
    for _ in range(3):
        await worker.ownership.look_around()
        clock.advance(3)
        worker.lease.extend(clock.boottime())
        clock.advance(8)
        worker.lease.extend(clock.boottime())
        clock.advance(8)
        worker.lease.extend(clock.boottime())
        clock.advance(8)
        worker.lease.extend(clock.boottime())
        clock.advance(8)
        worker.lease.extend(clock.boottime())


@pytest.mark.parametrize("fields", [{"state": "hibernating"}, {"accounts": "many"}])
async def test_a_worker_of_an_unknown_kind_is_alive_and_takes_nothing(harness: ListenerHarness, fields: dict[str, object]) -> None:
    """What it holds stays its own; nothing is dealt to it; once it is silent it is dead like any other."""
    clock = FakeClock()
    worker = harness.registered_worker(clock)
    other = await other_worker(harness, **fields)
    write(harness, keys.account(TENANT, Channel.TELEGRAM), owner=other, epoch=1)
    sight = await worker.ownership._failure_detector.look()
    assert other in {one.id for one in sight.live}
    assert other not in {one.id for one in sight.takers(Channel.TELEGRAM)}
    with pytest.raises(AvioError) as told:
        await worker.ownership.account(TENANT, Channel.TELEGRAM)
    assert told.value.code is Code.NOT_MINE
    clock.advance(SILENCE_S + 1)
    worker.lease.extend(clock.boottime())
    await worker.ownership._failure_detector.look()
    assert harness.workers.get(other).state is WorkerState.DEAD  # type: ignore[union-attr]


@pytest.mark.parametrize("row", [{"state": "hibernating"}, {"wanted": "export"}])
async def test_an_account_in_an_unknown_state_is_left_alone(harness: ListenerHarness, row: dict[str, str]) -> None:
    """It is held and nothing is done to it or its row; others are served by the same worker."""
    clock = FakeClock()
    worker = harness.registered_worker(clock)
    unowned(harness, TENANT, user_id=5, **row)
    account = await worker.ownership.account(TENANT, Channel.TELEGRAM)
    assert await worker.ownership.account(OTHER, Channel.TELEGRAM)
    assert account.context.row.left_alone
    assert telegram(account).loop is None
    with pytest.raises(AvioError) as told:
        await run(worker.ownership, Addressed(TENANT, Channel.TELEGRAM, StartLogIn(phone="+9996610001")))
    assert (told.value.code, told.value.detail.startswith("Wait")) == (Code.UNAVAILABLE, True)
    stored = harness.table.get(keys.account(TENANT, Channel.TELEGRAM)) or {}
    assert row.items() <= stored.items()
    await account.hand_back()


async def test_an_account_whose_row_makes_no_sense_holds_up_nobody(harness: ListenerHarness) -> None:
    """The look around goes on to the others, and the log names the row."""
    clock = FakeClock()
    worker = harness.registered_worker(clock)
    unowned(harness, TENANT, wanted_since="some day")
    unowned(harness, OTHER)
    write(harness, {"pk": f"T#{OTHER}", "sk": "ACCOUNT#pigeon"}, owner=NOBODY, epoch=1)
    await looked(worker, clock)
    assert list(worker.ownership.claims.accounts) == [(OTHER, Channel.TELEGRAM)]
    assert any(line["message"] == "row makes no sense" for line in harness.log.lines)


@pytest.mark.parametrize(
    ("row", "lives"), [({"accounts_by_channel": "many", "colour": "red"}, True), ({"channels": {"pigeon"}}, True), ({"beat": "x"}, False)]
)
async def test_what_is_unknown_in_the_own_row_ends_no_process(harness: ListenerHarness, row: dict[str, object], lives: bool) -> None:
    """The worker beats on; where its beat itself cannot be read it is over, and the process goes on as another worker."""
    clock = FakeClock()
    worker = harness.registered_worker(clock)
    write(harness, keys.worker(worker.id), **row)
    for _ in range(2):
        clock.advance(3)
        if lives:
            await worker.ownership.beats.once(clock.boottime())
            assert worker.lease.remaining_s() == LEASE_S
        else:
            with pytest.raises(Lapsed):
                await worker.ownership.beats.once(clock.boottime())


def test_unknown_values_are_read_as_unknown() -> None:
    """Whatever the enum: a state is unknown, a scope or type of chat is nothing that this version gives."""
    assert WorkerState("hibernating") is WorkerState.UNKNOWN
    assert AccountState("hibernating") is AccountState.UNKNOWN
    assert Wanted("export") is Wanted.UNKNOWN
    account = Account.model_validate({"tenant_id": TENANT, "channel": "telegram", "state": "hibernating"})
    assert (account.standing, account.state.logged_in) == (AccountState.UNKNOWN, False)
    key = {"id": "1", "scopes": {"read", "console"}, "digest": "", "created_at": "2026-01-01T00:00:00Z"}
    assert TenantKey.model_validate(key).scopes == {Scope.READ}
    tenant = {"id": TENANT, "number": 1, "name": "", "created_at": "2026-01-01T00:00:00Z", "chat_types": {"private", "topic"}}
    assert Tenant.model_validate(tenant).chat_types == {ChatType.PRIVATE}


def test_a_worker_that_nobody_can_read_is_listed(harness: ListenerHarness) -> None:
    """Beside the others."""
    harness.table.put({**keys.worker(WorkerId("odd"))}, None)
    assert [(one.id, one.state) for one in WorkerStore(harness.table).all()] == [("odd", WorkerState.UNKNOWN)]
