"""One run from beginning to end.

server, places -> cast logged in -> traffic, sends, faults, consumer -> all good again -> everything has arrived -> verdict
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass

from local.emulator_account import EmulatorAccount
from shared.model.account import AccountState
from shared.model.ids import Channel
from shared.store.accounts import AccountStore
from shared.store.table import Table
from shared.store.tenants import TenantStore
from shared.store.workers import WorkerStore
from testing.chaos.consumer import Consumer
from testing.chaos.fault_log import FaultLog
from testing.chaos.faults import FaultContext
from testing.chaos.memory_usage import MemoryUsage
from testing.chaos.message_audit import MessageAudit
from testing.chaos.plan import ChaosPlan
from testing.chaos.population import Population, gather
from testing.chaos.report import Report
from testing.chaos.scheduler import Scheduler
from testing.chaos.sends import Sends
from testing.chaos.takeover import Takeovers
from testing.chaos.telegram_process import RestartingServer
from testing.chaos.traffic import Traffic
from testing.chaos.worker_slot import SlotEnvironment, WorkerSlot

PROGRESS_EVERY_S = 10.0
QUIET_S = 3.0
"""How long the queue stays quiet before nothing more is expected: doubles come late."""
Say = Callable[[str], None]


@dataclass
class ChaosRun:
    """What runs for a whole run."""

    plan: ChaosPlan
    server: RestartingServer
    slots: list[WorkerSlot]
    fault_log: FaultLog
    tenants: TenantStore
    accounts: AccountStore
    workers: WorkerStore


async def run(plan: ChaosPlan, account: EmulatorAccount, say: Say) -> Report:
    """Run the plan in a fresh account of a running emulator; on return nothing that was started is left."""
    shutil.rmtree(plan.folder, ignore_errors=True)
    (plan.folder / "logs").mkdir(parents=True)
    async with _stage(plan, account) as chaos_run:
        say(f"  {plan.workers} workers serve after {chaos_run.fault_log.now:.0f} s")
        population = await gather(plan, chaos_run.server, chaos_run.tenants, chaos_run.accounts, chaos_run.workers)
        say(f"  {plan.accounts} accounts logged in, {len(population.chats)} chats, after {chaos_run.fault_log.now:.0f} s")
        return await _play(chaos_run, population, account, say)


@asynccontextmanager
async def _stage(plan: ChaosPlan, account: EmulatorAccount) -> AsyncIterator[ChaosRun]:
    table = Table(account.client("dynamodb"), account.table_name)
    async with contextlib.AsyncExitStack() as parts:
        starter = parts.enter_context(ThreadPoolExecutor(1, "starter"))
        server = RestartingServer(plan.folder, starter)
        parts.push_async_callback(server.stop)
        await server.start()
        assert server.running is not None
        fault_log = FaultLog()
        environment = SlotEnvironment(account, server.running, plan.folder / "logs", starter, fault_log)
        slots = [WorkerSlot(number + 1, environment, random.Random(f"{plan.seed} {number}")) for number in range(plan.workers)]  # noqa: S311
        for slot in slots:
            parts.push_async_callback(slot.close)
            await slot.open()
        for slot in slots:
            if not await slot.ready():
                raise RuntimeError(f"{slot.name} does not serve")
        supervisors = [asyncio.create_task(slot.supervise()) for slot in slots]
        parts.push_async_callback(_cancelled, *supervisors)
        yield ChaosRun(plan, server, slots, fault_log, TenantStore(table), AccountStore(table), WorkerStore(table))


async def _play(chaos_run: ChaosRun, population: Population, account: EmulatorAccount, say: Say) -> Report:
    plan, fault_log = chaos_run.plan, chaos_run.fault_log
    rng = random.Random(plan.seed)  # noqa: S311  repeatable on purpose
    began_s = fault_log.now
    audit = MessageAudit()
    people = {participant.tenant_id: participant.person_id for participant in population.participants}
    takeovers = Takeovers(chaos_run.server, chaos_run.accounts, chaos_run.workers, people, fault_log)
    context = FaultContext(chaos_run.slots, chaos_run.server, population, takeovers, random.Random(plan.seed))  # noqa: S311
    scheduler = Scheduler(plan, context)
    traffic = Traffic(chaos_run.server, audit, fault_log, rng)
    sends = Sends(population, audit, chaos_run.server, fault_log, rng, chaos_run.accounts, chaos_run.workers)
    consumer = Consumer(account.client("sqs"), account.events_queue_url, audit, fault_log)
    memory = MemoryUsage(chaos_run.slots, audit, fault_log)

    async def progress() -> None:
        while True:
            await asyncio.sleep(PROGRESS_EVERY_S)  # the interval
            faults = ", ".join(f"{one.name} {one.about}".strip() for one in fault_log.in_force()) or "none"
            bad = {name: count for name, count in audit.verdict().items() if count}
            arrived = f"{audit.seen} of {audit.said} arrived, {len(sends.all)} sends"
            say(f"  {fault_log.now - began_s:5.0f} s  {arrived}, {bad or 'nothing bad'}; faults: {faults}")

    async with asyncio.TaskGroup() as tasks:
        watching = [tasks.create_task(work) for work in (takeovers.watch(), memory.watch(), progress())]
        consuming = tasks.create_task(consumer.run())
        writing = [tasks.create_task(traffic.write(population.chats, plan.rate)), tasks.create_task(sends.run(plan.sends))]
        faults = tasks.create_task(scheduler.run())
        await asyncio.sleep(plan.seconds)  # the run itself
        context.ending.set()
        traffic.stopping.set()
        sends.stopping.set()
        say("  all faults end, no more traffic")
        await asyncio.wait([faults, *writing], timeout=plan.settle_s)
        await _settled(audit, takeovers, plan.settle_s)
        consumer.stopping.set()
        await consuming
        memory.look()
        for task in (*watching, faults, *writing):
            task.cancel()
    audit.close()
    lost = [
        participant.phone
        for participant in population.participants
        if not await asyncio.to_thread(_authorized, chaos_run.accounts, participant.tenant_id)
    ]
    duplicated = await chaos_run.server.keys_duplicated()
    return Report(
        plan,
        population,
        audit,
        await sends.verdict(),
        takeovers,
        fault_log,
        memory,
        chaos_run.slots,
        duplicated,
        consumer.unreadable,
        lost,
        fault_log.now,
    )


async def _settled(audit: MessageAudit, takeovers: Takeovers, most_s: float) -> None:
    """Wait until everything has arrived and every account is served again, and then for a while whether something comes twice."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(most_s):
            while not audit.complete or any(one.waiting for one in takeovers.all):  # noqa: ASYNC110  nothing announces it
                await asyncio.sleep(0.2)
    await asyncio.sleep(QUIET_S)  # what should not come announces nothing


def _authorized(accounts: AccountStore, tenant_id: str) -> bool:
    row = accounts.get(tenant_id, Channel.TELEGRAM)  # type: ignore[arg-type]
    return row is not None and row.state is AccountState.AUTHORIZED


async def _cancelled(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
