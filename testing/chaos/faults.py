"""What goes wrong: one function per fault, which begins it, waits, and makes it good again whatever happens.

A place has one fault at a time. Those that `fell` stop a worker from holding its accounts: one place at least is always free of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from testing.chaos.aws_proxy import AwsFault, Mode
from testing.chaos.fault_log import FaultEntry
from testing.chaos.population import Population
from testing.chaos.takeover import Takeovers
from testing.chaos.telegram_process import PhoneRefusedError, RestartingServer
from testing.chaos.worker_slot import WorkerSlot


@dataclass
class FaultContext:
    """What faults act on. `ending` cuts every fault short: then all is to be good again."""

    slots: list[WorkerSlot]
    server: RestartingServer
    population: Population
    takeovers: Takeovers
    rng: random.Random
    ending: asyncio.Event = field(default_factory=asyncio.Event)
    restarting: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def last(self, least_s: float, most_s: float | None = None) -> None:
        """Let a fault last for some seconds, or until the end."""
        try:
            async with asyncio.timeout(self.rng.uniform(least_s, most_s or least_s)):
                await self.ending.wait()
        except TimeoutError:
            return

    def phone(self) -> str | None:
        """Return somebody's phone, or None for everybody."""
        return self.rng.choice([None, self.rng.choice(self.population.participants).phone])


Fault = Callable[[FaultContext, WorkerSlot, FaultEntry], Awaitable[None]]
On = Literal["worker", "all workers", "server"]


@dataclass(frozen=True)
class FaultKind:
    """A fault by its name."""

    name: str
    run: Fault
    on: On
    fells: bool


KINDS: dict[str, FaultKind] = {}


def _fault(on: On, *, fells: bool = False) -> Callable[[Fault], Fault]:
    def register(run: Fault) -> Fault:
        name = str(getattr(run, "__name__")).replace("_", "-")  # noqa: B009  a Callable has no name to mypy
        KINDS[name] = FaultKind(name, run, on, fells)
        return run

    return register


# workers


@_fault("worker", fells=True)
async def kill(context: FaultContext, slot: WorkerSlot, entry: FaultEntry) -> None:
    """kill -9; a supervisor starts another some seconds later."""
    await context.takeovers.begin(slot, entry)
    await slot.kill()
    try:
        await context.last(1, 6)
    finally:
        await slot.start_worker()
    await _serves_again(context, slot)


@_fault("worker", fells=True)
async def freeze(context: FaultContext, slot: WorkerSlot, entry: FaultEntry) -> None:
    """SIGSTOP past the lease, then SIGCONT."""
    await context.takeovers.begin(slot, entry)
    slot.signal(signal.SIGSTOP)
    try:
        await context.last(18, 26)
    finally:
        slot.signal(signal.SIGCONT)
    await _serves_again(context, slot)


@_fault("worker")
async def pause(context: FaultContext, slot: WorkerSlot, entry: FaultEntry) -> None:
    """SIGSTOP for less than the lease."""
    slot.signal(signal.SIGSTOP)
    try:
        await context.last(1, 7)
    finally:
        slot.signal(signal.SIGCONT)


@_fault("all workers")
async def rolling(context: FaultContext, slot: WorkerSlot, entry: FaultEntry) -> None:
    """Replace all workers, one after another, as a deployment does."""
    for one in context.slots:
        async with one.lock:
            if not context.ending.is_set():
                await one.replace()


# a worker's way to AWS


@_fault("worker", fells=True)
async def dynamodb_away(context: FaultContext, slot: WorkerSlot, entry: FaultEntry) -> None:
    """Partitioned from DynamoDB, past the lease or not."""
    await _aws(context, slot, entry, context.rng.choice(["refuse", "hang", "error", "lose_answer", "late"]), 1.0, (4, 25), "dynamodb")


@_fault("worker")
async def dynamodb_flaky(context: FaultContext, slot: WorkerSlot, entry: FaultEntry) -> None:
    """A share of the calls fails, or works though its answer is lost."""
    mode: Mode = context.rng.choice(["error", "throttle", "lose_answer", "late"])
    await _aws(context, slot, entry, mode, context.rng.uniform(0.1, 0.5), (5, 20), "dynamodb")


@_fault("worker")
async def sqs_away(context: FaultContext, slot: WorkerSlot, entry: FaultEntry) -> None:
    """Partitioned from SQS."""
    await _aws(context, slot, entry, context.rng.choice(["refuse", "hang", "error", "lose_answer"]), 1.0, (4, 30), "sqs")


@_fault("worker")
async def sqs_flaky(context: FaultContext, slot: WorkerSlot, entry: FaultEntry) -> None:
    """A share of the batches fails, or works though its answer is lost or late."""
    mode: Mode = context.rng.choice(["error", "lose_answer", "late"])
    await _aws(context, slot, entry, mode, context.rng.uniform(0.1, 0.6), (5, 25), "sqs")


@_fault("worker")
async def sqs_refuses_entries(context: FaultContext, slot: WorkerSlot, entry: FaultEntry) -> None:
    """Single entries of batches are refused, or said to be."""
    mode: Mode = context.rng.choice(["refuse_entries", "deny_entries"])
    await _aws(context, slot, entry, mode, context.rng.uniform(0.1, 0.6), (5, 25), "sqs")


@_fault("worker")
async def kms_away(context: FaultContext, slot: WorkerSlot, entry: FaultEntry) -> None:
    """Partitioned from KMS: what is claimed now cannot be opened yet."""
    await _aws(context, slot, entry, context.rng.choice(["refuse", "hang", "error"]), 1.0, (5, 20), "kms")


@_fault("worker", fells=True)
async def island(context: FaultContext, slot: WorkerSlot, entry: FaultEntry) -> None:
    """Partitioned from everything, past the lease."""
    await context.takeovers.begin(slot, entry)
    slot.break_aws(AwsFault("hang"))
    slot.link.fall_silent()
    try:
        await context.last(18, 28)
    finally:
        slot.heal_aws()
        slot.link.heal()
    await _serves_again(context, slot)


# a worker's way to Telegram


@_fault("worker")
async def telegram_cut(context: FaultContext, slot: WorkerSlot, entry: FaultEntry) -> None:
    """All connections are cut, and for some seconds none can be made."""
    slot.link.refusing = True
    slot.link.cut()
    try:
        await context.last(0, 15)
    finally:
        slot.link.heal()


@_fault("worker")
async def telegram_silent(context: FaultContext, slot: WorkerSlot, entry: FaultEntry) -> None:
    """Nothing passes, and nothing says so."""
    slot.link.fall_silent()
    try:
        await context.last(5, 25)
    finally:
        slot.link.heal()


@_fault("worker")
async def telegram_slow(context: FaultContext, slot: WorkerSlot, entry: FaultEntry) -> None:
    """Everything takes longer."""
    slot.link.delay_s = context.rng.uniform(0.05, 0.5)
    try:
        await context.last(5, 20)
    finally:
        slot.link.heal()


# Telegram itself


@_fault("server")
async def server_restart(context: FaultContext, slot: WorkerSlot, entry: FaultEntry) -> None:
    """The server ends, by SIGTERM or by kill -9, and comes back."""
    async with context.restarting:
        await context.server.restart(context.rng.uniform(0.2, 6), context.last, kill=context.rng.random() < 0.5)


@_fault("server")
async def pushes(context: FaultContext, slot: WorkerSlot, entry: FaultEntry) -> None:
    """Updates are lost, repeated or held back; the difference has them."""
    kind = context.rng.choice(["lose_push", "repeat_push", "hold_push"])
    await _server_fault(context, entry, (4, 15), kind=kind, phone=context.phone(), times=context.rng.choice([1, 5, 40]))


@_fault("server")
async def too_long_pushes(context: FaultContext, slot: WorkerSlot, entry: FaultEntry) -> None:
    """Instead of updates only the word comes that there are some."""
    await _server_fault(context, entry, (4, 10), kind="too_long_push", phone=context.phone(), times=context.rng.choice([1, 10]))


@_fault("server")
async def differences_refused(context: FaultContext, slot: WorkerSlot, entry: FaultEntry) -> None:
    """updates.getDifference fails, waits, is late or loses its connection."""
    kind = context.rng.choice(["error", "flood_wait", "delay", "drop_before", "drop_after", "ignore"])
    fault = {"kind": kind, "method": "updates.getDifference", "times": context.rng.choice([1, 5, 20]), "seconds": 3}
    await _server_fault(context, entry, (4, 12), phone=context.phone(), **fault)


@_fault("server")
async def sends_refused(context: FaultContext, slot: WorkerSlot, entry: FaultEntry) -> None:
    """messages.sendMessage is late, or loses its connection before or after it was executed."""
    fault = {"kind": context.rng.choice(["delay", "drop_before", "drop_after", "ignore"]), "method": "messages.sendMessage", "seconds": 3}
    await _server_fault(context, entry, (4, 12), times=context.rng.choice([1, 5, 20]), **fault)


@_fault("server")
async def differences_too_long(context: FaultContext, slot: WorkerSlot, entry: FaultEntry) -> None:
    """updates.getDifference and updates.getChannelDifference answer that there is too much; histories have to be read."""
    kind = context.rng.choice(["difference_too_long", "channel_difference_too_long"])
    await _server_fault(context, entry, (4, 10), kind=kind, phone=context.phone(), times=context.rng.choice([1, 5]))


@_fault("server")
async def connections(context: FaultContext, slot: WorkerSlot, entry: FaultEntry) -> None:
    """Connections are kicked, get a new session, another salt, or a transport error; of one account or of all."""
    which = {"person": context.rng.choice(context.population.participants).phone} if context.rng.random() < 0.5 else {}
    act, more = context.rng.choice(
        [("kick", {}), ("new_session", {}), ("salt", {}), ("transport_error", {"code": -404}), ("transport_error", {"code": -429})]
    )
    await context.server.once("POST", f"/connections/{act}", {**which, **more})


@_fault("server")
async def stall(context: FaultContext, slot: WorkerSlot, entry: FaultEntry) -> None:
    """One account's connections go dead without being closed."""
    which = {"person": context.rng.choice(context.population.participants).phone}
    await context.server.once("POST", "/connections/stall", which)
    try:
        await context.last(5, 25)
    finally:
        await context.server.once("POST", "/connections/resume", which)


async def _aws(
    context: FaultContext, slot: WorkerSlot, entry: FaultEntry, mode: Mode, share: float, span: tuple[float, float], service: str
) -> None:
    entry.about += f" {mode} {share:.0%}"
    slot.break_aws(AwsFault(mode, share), service)
    try:
        await context.last(*span)
    finally:
        slot.heal_aws(service)


async def _server_fault(context: FaultContext, entry: FaultEntry, span: tuple[float, float], **fault: Any) -> None:
    entry.about = " ".join(str(value) for value in fault.values() if value)
    given = {name: value for name, value in fault.items() if value is not None}
    made = await context.server.once("POST", "/faults", given)
    try:
        await context.last(*span)
    finally:
        if made:
            with contextlib.suppress(PhoneRefusedError):  # used up, or forgotten by a restart
                await context.server.once("DELETE", f"/faults/{made['number']}", {})


async def _serves_again(context: FaultContext, slot: WorkerSlot) -> None:
    """Count a worker as down until it holds a lease again."""
    if not await slot.ready():
        context.takeovers.fault_log.note("a worker does not serve", slot.name)
