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
from testing.chaos.fault_log import Entry
from testing.chaos.participants import Cast
from testing.chaos.takeover import Takeovers
from testing.chaos.telegram_process import PhoneRefusedError, Server
from testing.chaos.worker_slot import Place


@dataclass
class Scene:
    """What faults act on. `ending` cuts every fault short: then all is to be good again."""

    places: list[Place]
    server: Server
    cast: Cast
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
        return self.rng.choice([None, self.rng.choice(self.cast.members).phone])


Fault = Callable[[Scene, Place, Entry], Awaitable[None]]
On = Literal["worker", "all workers", "server"]


@dataclass(frozen=True)
class Kind:
    """A fault by its name."""

    name: str
    run: Fault
    on: On
    fells: bool


KINDS: dict[str, Kind] = {}


def _fault(on: On, *, fells: bool = False) -> Callable[[Fault], Fault]:
    def register(run: Fault) -> Fault:
        name = str(getattr(run, "__name__")).replace("_", "-")  # noqa: B009  a Callable has no name to mypy
        KINDS[name] = Kind(name, run, on, fells)
        return run

    return register


# workers


@_fault("worker", fells=True)
async def kill(scene: Scene, place: Place, entry: Entry) -> None:
    """kill -9; a supervisor starts another some seconds later."""
    await scene.takeovers.begin(place, entry)
    await place.kill()
    try:
        await scene.last(1, 6)
    finally:
        await place.start_worker()
    await _serves_again(scene, place)


@_fault("worker", fells=True)
async def freeze(scene: Scene, place: Place, entry: Entry) -> None:
    """SIGSTOP past the lease, then SIGCONT."""
    await scene.takeovers.begin(place, entry)
    place.signal(signal.SIGSTOP)
    try:
        await scene.last(18, 26)
    finally:
        place.signal(signal.SIGCONT)
    await _serves_again(scene, place)


@_fault("worker")
async def pause(scene: Scene, place: Place, entry: Entry) -> None:
    """SIGSTOP for less than the lease."""
    place.signal(signal.SIGSTOP)
    try:
        await scene.last(1, 7)
    finally:
        place.signal(signal.SIGCONT)


@_fault("all workers")
async def rolling(scene: Scene, place: Place, entry: Entry) -> None:
    """Replace all workers, one after another, as a deployment does."""
    for one in scene.places:
        async with one.lock:
            if not scene.ending.is_set():
                await one.replace()


# a worker's way to AWS


@_fault("worker", fells=True)
async def dynamodb_away(scene: Scene, place: Place, entry: Entry) -> None:
    """Partitioned from DynamoDB, past the lease or not."""
    await _aws(scene, place, entry, scene.rng.choice(["refuse", "hang", "error", "lose_answer", "late"]), 1.0, (4, 25), "dynamodb")


@_fault("worker")
async def dynamodb_flaky(scene: Scene, place: Place, entry: Entry) -> None:
    """A share of the calls fails, or works though its answer is lost."""
    mode: Mode = scene.rng.choice(["error", "throttle", "lose_answer", "late"])
    await _aws(scene, place, entry, mode, scene.rng.uniform(0.1, 0.5), (5, 20), "dynamodb")


@_fault("worker")
async def sqs_away(scene: Scene, place: Place, entry: Entry) -> None:
    """Partitioned from SQS."""
    await _aws(scene, place, entry, scene.rng.choice(["refuse", "hang", "error", "lose_answer"]), 1.0, (4, 30), "sqs")


@_fault("worker")
async def sqs_flaky(scene: Scene, place: Place, entry: Entry) -> None:
    """A share of the batches fails, or works though its answer is lost or late."""
    mode: Mode = scene.rng.choice(["error", "lose_answer", "late"])
    await _aws(scene, place, entry, mode, scene.rng.uniform(0.1, 0.6), (5, 25), "sqs")


@_fault("worker")
async def sqs_refuses_entries(scene: Scene, place: Place, entry: Entry) -> None:
    """Single entries of batches are refused, or said to be."""
    mode: Mode = scene.rng.choice(["refuse_entries", "deny_entries"])
    await _aws(scene, place, entry, mode, scene.rng.uniform(0.1, 0.6), (5, 25), "sqs")


@_fault("worker")
async def kms_away(scene: Scene, place: Place, entry: Entry) -> None:
    """Partitioned from KMS: what is claimed now cannot be opened yet."""
    await _aws(scene, place, entry, scene.rng.choice(["refuse", "hang", "error"]), 1.0, (5, 20), "kms")


@_fault("worker", fells=True)
async def island(scene: Scene, place: Place, entry: Entry) -> None:
    """Partitioned from everything, past the lease."""
    await scene.takeovers.begin(place, entry)
    place.break_aws(AwsFault("hang"))
    place.link.fall_silent()
    try:
        await scene.last(18, 28)
    finally:
        place.heal_aws()
        place.link.heal()
    await _serves_again(scene, place)


# a worker's way to Telegram


@_fault("worker")
async def telegram_cut(scene: Scene, place: Place, entry: Entry) -> None:
    """All connections are cut, and for some seconds none can be made."""
    place.link.refusing = True
    place.link.cut()
    try:
        await scene.last(0, 15)
    finally:
        place.link.heal()


@_fault("worker")
async def telegram_silent(scene: Scene, place: Place, entry: Entry) -> None:
    """Nothing passes, and nothing says so."""
    place.link.fall_silent()
    try:
        await scene.last(5, 25)
    finally:
        place.link.heal()


@_fault("worker")
async def telegram_slow(scene: Scene, place: Place, entry: Entry) -> None:
    """Everything takes longer."""
    place.link.delay_s = scene.rng.uniform(0.05, 0.5)
    try:
        await scene.last(5, 20)
    finally:
        place.link.heal()


# Telegram itself


@_fault("server")
async def server_restart(scene: Scene, place: Place, entry: Entry) -> None:
    """The server ends, by SIGTERM or by kill -9, and comes back."""
    async with scene.restarting:
        await scene.server.restart(scene.rng.uniform(0.2, 6), scene.last, kill=scene.rng.random() < 0.5)


@_fault("server")
async def pushes(scene: Scene, place: Place, entry: Entry) -> None:
    """Updates are lost, repeated or held back; the difference has them."""
    kind = scene.rng.choice(["lose_push", "repeat_push", "hold_push"])
    await _server_fault(scene, entry, (4, 15), kind=kind, phone=scene.phone(), times=scene.rng.choice([1, 5, 40]))


@_fault("server")
async def too_long_pushes(scene: Scene, place: Place, entry: Entry) -> None:
    """Instead of updates only the word comes that there are some."""
    await _server_fault(scene, entry, (4, 10), kind="too_long_push", phone=scene.phone(), times=scene.rng.choice([1, 10]))


@_fault("server")
async def differences_refused(scene: Scene, place: Place, entry: Entry) -> None:
    """updates.getDifference fails, waits, is late or loses its connection."""
    kind = scene.rng.choice(["error", "flood_wait", "delay", "drop_before", "drop_after", "ignore"])
    fault = {"kind": kind, "method": "updates.getDifference", "times": scene.rng.choice([1, 5, 20]), "seconds": 3}
    await _server_fault(scene, entry, (4, 12), phone=scene.phone(), **fault)


@_fault("server")
async def sends_refused(scene: Scene, place: Place, entry: Entry) -> None:
    """messages.sendMessage is late, or loses its connection before or after it was executed."""
    fault = {"kind": scene.rng.choice(["delay", "drop_before", "drop_after", "ignore"]), "method": "messages.sendMessage", "seconds": 3}
    await _server_fault(scene, entry, (4, 12), times=scene.rng.choice([1, 5, 20]), **fault)


@_fault("server")
async def differences_too_long(scene: Scene, place: Place, entry: Entry) -> None:
    """updates.getDifference and updates.getChannelDifference answer that there is too much; histories have to be read."""
    kind = scene.rng.choice(["difference_too_long", "channel_difference_too_long"])
    await _server_fault(scene, entry, (4, 10), kind=kind, phone=scene.phone(), times=scene.rng.choice([1, 5]))


@_fault("server")
async def connections(scene: Scene, place: Place, entry: Entry) -> None:
    """Connections are kicked, get a new session, another salt, or a transport error; of one account or of all."""
    which = {"person": scene.rng.choice(scene.cast.members).phone} if scene.rng.random() < 0.5 else {}
    act, more = scene.rng.choice(
        [("kick", {}), ("new_session", {}), ("salt", {}), ("transport_error", {"code": -404}), ("transport_error", {"code": -429})]
    )
    await scene.server.once("POST", f"/connections/{act}", {**which, **more})


@_fault("server")
async def stall(scene: Scene, place: Place, entry: Entry) -> None:
    """One account's connections go dead without being closed."""
    which = {"person": scene.rng.choice(scene.cast.members).phone}
    await scene.server.once("POST", "/connections/stall", which)
    try:
        await scene.last(5, 25)
    finally:
        await scene.server.once("POST", "/connections/resume", which)


async def _aws(scene: Scene, place: Place, entry: Entry, mode: Mode, share: float, span: tuple[float, float], service: str) -> None:
    entry.about += f" {mode} {share:.0%}"
    place.break_aws(AwsFault(mode, share), service)
    try:
        await scene.last(*span)
    finally:
        place.heal_aws(service)


async def _server_fault(scene: Scene, entry: Entry, span: tuple[float, float], **fault: Any) -> None:
    entry.about = " ".join(str(value) for value in fault.values() if value)
    given = {name: value for name, value in fault.items() if value is not None}
    made = await scene.server.once("POST", "/faults", given)
    try:
        await scene.last(*span)
    finally:
        if made:
            with contextlib.suppress(PhoneRefusedError):  # used up, or forgotten by a restart
                await scene.server.once("DELETE", f"/faults/{made['number']}", {})


async def _serves_again(scene: Scene, place: Place) -> None:
    """Count a worker as down until it holds a lease again."""
    if not await place.ready():
        scene.takeovers.journal.note("a worker does not serve", place.name)
