"""A worker writes one line of metrics a minute: what happened since the last one, and what it holds now."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
from typing import Any, TextIO

import pytest

from listener.core.event_ledger import Ledger, Writer
from listener.core.metrics import WRITE_EVERY_S, ChannelMetrics, Holdings, MetricsWriter, no_metrics
from listener.core.ownership.heartbeat import Lapsed
from shared.clock import Clock
from shared.errors import AvioError
from shared.model.account import AccountState
from shared.model.ids import Channel
from shared.model.states import Reason
from testing.telegram_server.control.specs import ConnectionSpec
from testing.telegram_server.faults import FaultSpec
from testing.telegram_server.server import TelegramServer
from tests.support.account_scenario import ANNA, TENANT, log_in, message, people, write
from tests.support.captured_log import CapturedLog
from tests.support.clock import FakeClock
from tests.support.ledger_events import event, marks
from tests.support.listener_harness import ListenerHarness, is_up, telegram, until
from tests.support.virtual_time import VirtualClock, run

__all__ = ["people"]  # a fixture that every test here uses

TG = Channel.TELEGRAM
HELD = Holdings(accounts=5, serving=4, ledger_depth=7)
UNITS = {"FloodWait": "Seconds", "AccountsDown": "Percent"}


def written_by(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def writer_of(metrics: Any, clock: Clock, stream: TextIO) -> MetricsWriter:
    return MetricsWriter(metrics, {TG}, lambda _: HELD, clock, stream)


def test_a_line_is_what_cloudwatch_reads() -> None:
    """Each value is named with its unit, under service and channel alone."""
    metrics, clock, stream = no_metrics(), FakeClock(), io.StringIO()
    metrics[TG].sends, metrics[TG].flood_wait_s, metrics[TG].connected = 3, 37.5, 2
    writer_of(metrics, clock, stream).write()
    (line,) = written_by(stream)
    described = line["_aws"]["CloudWatchMetrics"][0]
    assert line["_aws"]["Timestamp"] == clock.now().timestamp() * 1000
    assert (described["Namespace"], described["Dimensions"]) == ("Avio", [["service", "channel"]])
    assert (line["service"], line["channel"]) == ("listener", "telegram")
    units = {metric["Name"]: metric["Unit"] for metric in described["Metrics"]}
    assert units == {name: UNITS.get(name, "Count") for name in units}
    assert {name: line[name] for name in units} == {
        "Claims": [0],
        "Lapses": [0],
        "KeysDuplicated": [0],
        "Connects": [0],
        "Sends": [3],
        "EventsQueued": [0],
        "EventsRefused": [0],
        "FloodWait": [37.5],
        "AccountsHeld": [5],
        "AccountsServed": [4],
        "AccountsConnected": [2],
        "AccountsDown": [50],
        "LedgerDepth": [7],
    }
    assert set(line) == {"_aws", "service", "channel", *units}


def test_what_was_written_is_not_written_again() -> None:
    """Counts begin anew with each line; what is connected stays so."""
    metrics, stream = no_metrics(), io.StringIO()
    metrics[TG].sends = metrics[TG].connected = 1
    writer = writer_of(metrics, FakeClock(), stream)
    writer.write()
    writer.write()
    assert [(line["Sends"], line["AccountsConnected"]) for line in written_by(stream)] == [([1], [1]), ([0], [1])]


def test_a_line_comes_each_minute_and_one_at_the_end() -> None:
    """An idle worker writes them too: no line at all means that there is no listener."""
    stream = io.StringIO()

    async def two_and_a_half_minutes(clock: VirtualClock) -> float:
        writing = asyncio.create_task(writer_of(no_metrics(), clock, stream).run())
        began_s = clock.now().timestamp()
        await asyncio.sleep(WRITE_EVERY_S * 2.5)
        writing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writing
        return began_s

    began_s = run(two_and_a_half_minutes)
    assert [line["_aws"]["Timestamp"] / 1000 - began_s for line in written_by(stream)] == [60, 120, 150]


def test_a_broken_stream_ends_nothing() -> None:
    """Accounts are worth more than their metrics."""

    class Broken(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    writer_of(no_metrics(), FakeClock(), Broken()).write()


async def test_each_refusal_of_the_queue_counts_and_an_event_counts_once() -> None:
    """A refused event is tried again until it is in."""
    refusals, metrics = [False, False], ChannelMetrics()

    async def deliver(entries: list[Any]) -> list[bool]:
        return [refusals.pop() if refusals else True for _ in entries]

    writer = Writer(deliver, CapturedLog().logger, retry_s=0.0001)
    ledger = Ledger(marks(0), writer.ready, lambda _: None, metrics=metrics)
    writing = asyncio.create_task(writer.run())
    ledger.append([event(1, 1), event(2, 2)], marks(2))
    await ledger.drained()
    writing.cancel()
    assert (metrics.events_queued, metrics.events_refused) == (2, 2)


async def test_what_an_account_does_is_measured(harness: ListenerHarness, server: TelegramServer) -> None:
    """From its claim on: connects, events, sends, waits that Telegram asks for, and what its worker holds."""
    async with harness.worker().running() as worker:
        account = await log_in(worker, server)
        await telegram(account).send(message("hello"))
        write(server, "and hello to you")
        await harness.queued(1)
        server.operation.inject(FaultSpec(kind="flood_wait", method="messages.sendMessage", seconds=37))
        for random_id in (2, 3):  # the second is not asked for: its wait is the same
            with pytest.raises(AvioError):
                await telegram(account).send(message("slow down", random_id=random_id))
        measured = worker.services.metrics[TG]
        await until(lambda: measured.events_queued == 1)
        assert (measured.claims, measured.connects, measured.sends, measured.flood_wait_s) == (1, 1, 1, 37)
        assert worker.ownership.claims.holdings(TG) == Holdings(accounts=1, serving=1, ledger_depth=0)
        assert measured.connected == 1
        server.operation.kick(ConnectionSpec(person=ANNA))
        await until(lambda: measured.connects == 2 and is_up(account))
        assert measured.connected == 1
    assert (measured.connected, measured.lapses) == (0, 0)


async def test_accounts_that_a_lapse_cuts_off_are_counted(harness: ListenerHarness, server: TelegramServer) -> None:
    """A hand-over is none."""
    async with harness.worker().running() as worker:
        await log_in(worker, server)
        worker.lease.lapse()
        assert worker.task is not None
        (ended,) = await asyncio.gather(worker.task, return_exceptions=True)
        assert isinstance(ended, Lapsed)
    assert worker.services.metrics[TG].lapses == 1
    assert worker.services.metrics[TG].connected == 0


async def test_a_session_that_was_seen_twice_is_counted(harness: ListenerHarness) -> None:
    """Once for an account, whatever writes its row afterwards."""
    clock = FakeClock()
    worker = harness.registered_worker(clock)
    account = await worker.ownership.account(TENANT, TG)
    await account.context.set_status(AccountState.CODE_SENT, Reason.CODE_WANTED)
    await account.context.set_status(AccountState.AUTHORIZED, Reason.LOGGED_IN)
    for _ in range(2):
        await account.context.set_status(AccountState.KEY_DUPLICATED, Reason.KEY_DUPLICATED)
    assert worker.services.metrics[TG].keys_duplicated == 1
    await account.hand_back()


@pytest.mark.parametrize(("serving", "connected", "percent"), [(4, 1, 75.0), (4, 4, 0.0), (0, 0, 0.0), (1, 2, 0.0)])
def test_what_is_down_is_a_share(serving: int, connected: int, percent: float) -> None:
    """Of nothing it is nothing, and it is never below."""
    metrics, stream = no_metrics(), io.StringIO()
    metrics[TG].connected = connected
    MetricsWriter(metrics, {TG}, lambda _: Holdings(5, serving, 0), FakeClock(), stream).write()
    assert written_by(stream)[0]["AccountsDown"] == [percent]
