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
from testing.chaos.cast import Cast, gather
from testing.chaos.consumer import Consumer
from testing.chaos.faults import Scene
from testing.chaos.journal import Journal
from testing.chaos.memory import Memory
from testing.chaos.place import Ground, Place
from testing.chaos.plan import Plan
from testing.chaos.report import Report
from testing.chaos.scheduler import Scheduler
from testing.chaos.sends import Sends
from testing.chaos.server import Server
from testing.chaos.takeover import Takeovers
from testing.chaos.tally import Tally
from testing.chaos.traffic import Traffic

PROGRESS_EVERY_S = 10.0
QUIET_S = 3.0
"""How long the queue stays quiet before nothing more is expected: doubles come late."""
Say = Callable[[str], None]


@dataclass
class Stage:
    """What runs for a whole run."""

    plan: Plan
    server: Server
    places: list[Place]
    journal: Journal
    tenants: TenantStore
    accounts: AccountStore
    workers: WorkerStore


async def run(plan: Plan, account: EmulatorAccount, say: Say) -> Report:
    """Run the plan in a fresh account of a running emulator; on return nothing that was started is left."""
    shutil.rmtree(plan.folder, ignore_errors=True)
    (plan.folder / "logs").mkdir(parents=True)
    async with _stage(plan, account) as stage:
        say(f"  {plan.workers} workers serve after {stage.journal.now:.0f} s")
        cast = await gather(plan, stage.server, stage.tenants, stage.accounts, stage.workers)
        say(f"  {plan.accounts} accounts logged in, {len(cast.chats)} chats, after {stage.journal.now:.0f} s")
        return await _play(stage, cast, account, say)


@asynccontextmanager
async def _stage(plan: Plan, account: EmulatorAccount) -> AsyncIterator[Stage]:
    table = Table(account.client("dynamodb"), account.table_name)
    async with contextlib.AsyncExitStack() as parts:
        starter = parts.enter_context(ThreadPoolExecutor(1, "starter"))
        server = Server(plan.folder, starter)
        parts.push_async_callback(server.stop)
        await server.start()
        assert server.running is not None
        journal = Journal()
        ground = Ground(account, server.running, plan.folder / "logs", starter, journal)
        places = [Place(number + 1, ground, random.Random(f"{plan.seed} {number}")) for number in range(plan.workers)]  # noqa: S311
        for place in places:
            parts.push_async_callback(place.close)
            await place.open()
        for place in places:
            if not await place.ready():
                raise RuntimeError(f"{place.name} does not serve")
        supervisors = [asyncio.create_task(place.supervise()) for place in places]
        parts.push_async_callback(_cancelled, *supervisors)
        yield Stage(plan, server, places, journal, TenantStore(table), AccountStore(table), WorkerStore(table))


async def _play(stage: Stage, cast: Cast, account: EmulatorAccount, say: Say) -> Report:
    plan, journal = stage.plan, stage.journal
    rng = random.Random(plan.seed)  # noqa: S311  repeatable on purpose
    began_s = journal.now
    tally = Tally()
    people = {member.tenant_id: member.person_id for member in cast.members}
    takeovers = Takeovers(stage.server, stage.accounts, stage.workers, people, journal)
    scene = Scene(stage.places, stage.server, cast, takeovers, random.Random(plan.seed))  # noqa: S311
    scheduler = Scheduler(plan, scene)
    traffic = Traffic(stage.server, tally, journal, rng)
    sends = Sends(cast, tally, stage.server, journal, rng, stage.accounts, stage.workers)
    consumer = Consumer(account.client("sqs"), account.events_queue_url, tally, journal)
    memory = Memory(stage.places, tally, journal)

    async def progress() -> None:
        while True:
            await asyncio.sleep(PROGRESS_EVERY_S)  # the interval
            faults = ", ".join(f"{one.name} {one.about}".strip() for one in journal.in_force()) or "none"
            bad = {name: count for name, count in tally.verdict().items() if count}
            arrived = f"{tally.seen} of {tally.said} arrived, {len(sends.all)} sends"
            say(f"  {journal.now - began_s:5.0f} s  {arrived}, {bad or 'nothing bad'}; faults: {faults}")

    async with asyncio.TaskGroup() as tasks:
        watching = [tasks.create_task(work) for work in (takeovers.watch(), memory.watch(), progress())]
        consuming = tasks.create_task(consumer.run())
        writing = [tasks.create_task(traffic.write(cast.chats, plan.rate)), tasks.create_task(sends.run(plan.sends))]
        faults = tasks.create_task(scheduler.run())
        await asyncio.sleep(plan.seconds)  # the run itself
        scene.ending.set()
        traffic.stopping.set()
        sends.stopping.set()
        say("  all faults end, no more traffic")
        await asyncio.wait([faults, *writing], timeout=plan.settle_s)
        await _settled(tally, takeovers, plan.settle_s)
        consumer.stopping.set()
        await consuming
        memory.look()
        for task in (*watching, faults, *writing):
            task.cancel()
    tally.close()
    lost = [member.phone for member in cast.members if not await asyncio.to_thread(_authorized, stage.accounts, member.tenant_id)]
    duplicated = await stage.server.keys_duplicated()
    return Report(
        plan,
        cast,
        tally,
        await sends.verdict(),
        takeovers,
        journal,
        memory,
        stage.places,
        duplicated,
        consumer.unreadable,
        lost,
        journal.now,
    )


async def _settled(tally: Tally, takeovers: Takeovers, most_s: float) -> None:
    """Wait until everything has arrived and every account is served again, and then for a while whether something comes twice."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(most_s):
            while not tally.complete or any(one.waiting for one in takeovers.all):  # noqa: ASYNC110  nothing announces it
                await asyncio.sleep(0.2)
    await asyncio.sleep(QUIET_S)  # what should not come announces nothing


def _authorized(accounts: AccountStore, tenant_id: str) -> bool:
    row = accounts.get(tenant_id, Channel.TELEGRAM)  # type: ignore[arg-type]
    return row is not None and row.state is AccountState.AUTHORIZED


async def _cancelled(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
