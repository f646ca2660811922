"""What changes of an account's state tell its tenant (C7): with the row, in one transaction, and queued by the sweeper."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from functions.sweeper.status_events import StatusEvents
from listener.core.account_context import status_change
from shared.model.account import Account, AccountState
from shared.model.event import AccountStatusChanged, StatusChange
from shared.model.ids import NOBODY, Channel, Epoch, TenantId, WorkerId
from shared.model.states import Reason
from shared.queues import EventsQueue
from shared.store import keys, status_outbox
from shared.store.accounts import AccountStore
from shared.store.status_outbox import StatusOutbox
from testing.fake_aws.dynamodb import FakeDynamoDb
from testing.fake_aws.fifo_queue import QUEUE
from testing.telegram_server.server import TelegramServer
from tests.support.account_scenario import ANNA, TENANT, log_in, people
from tests.support.captured_log import CapturedLog
from tests.support.clock import FakeClock
from tests.support.event_source import EventSource
from tests.support.fake_stores import fake_table
from tests.support.listener_harness import ListenerHarness, until

__all__ = ["people"]
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def row(state: AccountState = AccountState.AUTHORIZED, last_error: str | None = None) -> Account:
    return Account(tenant_id=TenantId("t"), channel=Channel.TELEGRAM, state=state, last_error=last_error)


@pytest.mark.parametrize(
    ("before", "changes", "told"),
    [
        (row(AccountState.CODE_SENT), {"state": AccountState.AUTHORIZED, "reason": "logged_in"}, ("authorized", None)),
        (row(), {"state": AccountState.RESTRICTED, "reason": "peer_flood"}, ("restricted", None)),
        (row(), {"state": AccountState.FROZEN, "reason": "frozen_by_telegram", "last_error": None}, ("frozen", None)),
        (row(), {"state": AccountState.LOGGED_OUT, "reason": "revoked"}, ("logged_out", None)),
        (row(), {"last_error": "telegram_unavailable"}, ("authorized", True)),
        (row(last_error="telegram_unavailable"), {"last_error": None}, ("authorized", False)),
        (row(last_error="telegram_unavailable"), {"last_error": "flood_wait"}, None),
        (row(AccountState.CODE_SENT), {"last_error": "invalid_code"}, None),
        (row(AccountState.NEW), {"state": AccountState.CODE_SENT, "reason": "code_wanted"}, None),
        (row(), {"phone": "+1"}, None),
    ],
)
def test_what_a_change_tells(before: Account, changes: dict[str, Any], told: tuple[str, bool | None] | None) -> None:
    """Every state that is no step of a log-in; that the connection fails, and that it is back."""
    found = status_change(before, changes, NOW)
    assert (found and (found.state.value, found.stale)) == told


class Outbox:
    """An account with an owner, its outbox and the queue."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.source = EventSource(self.clock)
        self.table = fake_table(FakeDynamoDb())
        self.accounts = AccountStore(self.table)
        self.outbox = StatusOutbox(self.table)
        self.events = StatusEvents(self.outbox, EventsQueue(cast("Any", self.source.sqs), QUEUE), CapturedLog().logger)
        self.table.put({**keys.account(TENANT, Channel.TELEGRAM), "owner": "w", "epoch": 1, "state": "authorized"})

    def change(self, number: int, state: AccountState = AccountState.RESTRICTED, owner: str = "w") -> bool:
        event = AccountStatusChanged(
            id=cast("Any", f"evt_{number}"),
            tenant_id=TENANT,
            channel=Channel.TELEGRAM,
            received_at=NOW,
            status=StatusChange(state=state, reason=Reason.PEER_FLOOD, at=NOW),
        )
        told = status_outbox.put(event, Epoch(1), number)
        return self.accounts.set_status(TENANT, Channel.TELEGRAM, WorkerId(owner), Epoch(1), {"state": state}, told)

    def waiting(self) -> list[Any]:
        return [entry[1].id for entry in self.outbox.waiting(100) if isinstance(entry, tuple)]

    def queued(self) -> list[str]:
        return [record["attributes"]["MessageDeduplicationId"] for record in self.source.receive()["Records"]]


def test_the_row_and_what_it_tells_are_written_together() -> None:
    """Or neither: a process that is no longer the owner tells nothing."""
    found = Outbox()
    assert found.change(0)
    assert not found.change(1, AccountState.LOGGED_OUT, owner=NOBODY)
    assert found.waiting() == ["evt_0"]
    account = found.accounts.get(TENANT, Channel.TELEGRAM)
    assert account
    assert account.state is AccountState.RESTRICTED


def test_a_change_whose_answer_was_lost_is_told_once() -> None:
    """It is written again under its number."""
    found = Outbox()
    assert found.change(0)
    assert found.change(0)
    assert found.waiting() == ["evt_0"]


def test_what_waits_is_queued_in_order_and_then_gone() -> None:
    """More than one request takes, too."""
    found = Outbox()
    for number in range(12):
        assert found.change(number)
    assert found.events.send() == 12
    assert found.waiting() == []
    assert found.events.send() == 0
    assert found.queued() == [f"evt_{number}" for number in range(10)]


def test_what_the_queue_refuses_waits() -> None:
    """Nothing is lost while the queue is away."""
    found = Outbox()
    assert found.change(0)
    refusing = StatusEvents(found.outbox, EventsQueue(cast("Any", Refusing()), QUEUE), CapturedLog().logger)
    assert refusing.send() == 0
    assert found.waiting() == ["evt_0"]


class Refusing:
    """A queue that takes nothing."""

    def send_message_batch(self, **_: Any) -> dict[str, Any]:
        return {"Failed": [{"Id": "0"}]}


async def test_a_log_in_and_a_log_out_are_told(harness: ListenerHarness, server: TelegramServer) -> None:
    """By the real account, in order."""
    async with harness.worker().running() as worker:
        account = await log_in(worker, server)
        server.people.revoke(ANNA, None)
        await until(lambda: account.context.row.state is AccountState.LOGGED_OUT)
    entries = await asyncio.to_thread(lambda: list(StatusOutbox(harness.table).waiting(100)))
    events = [entry[1] for entry in entries if isinstance(entry, tuple)]
    assert [event.status.state for event in events if isinstance(event, AccountStatusChanged)] == ["authorized", "logged_out"]
