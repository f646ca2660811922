"""Messages on their way in: how fast a worker brings them from Telegram to the queue, and what AWS requests that takes.

The same messages go to the listener and to plain Telethon clients in a process of their own: every account is logged in twice. So that
neither the test server nor the senders are measured, the connections are held (open, but nothing is written to them) while the messages
are sent, and then let go, first one side and then the other: what was held comes in one piece, as fast as it can be read.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from statistics import median

from benchmarks.environment import BenchmarkEnvironment
from benchmarks.idle import of_accounts
from benchmarks.raw_clients import RawClients
from benchmarks.row import Goal, Row
from benchmarks.stored_accounts import connections, log_in, phones, store, wait_connected
from benchmarks.suite import Suite
from benchmarks.worker_process import WorkerProcess, wait_until
from listener.core.checkpoint import CHECKPOINT_EVERY_S
from shared.model.ids import NOBODY
from testing.fake_aws.aws import FakeAws

RATE, REQUESTS = "inbound_to_queue", "requests_per_1000_events"
ACCOUNTS, SENDERS = 16, 32
"""512 chats: with one event of each under way at a time and 10 ms for a request, so many can have 51,000 events/s accepted. With a
quarter of them it was the order within chats that was measured, not the listener."""
MESSAGES = 10_240
ROUNDS = 5
STEADY_PER_S, STEADY_S = 100, 15.0
AT_ONCE = 16
DEADLINE_S = 120.0
PER_REQUEST = 500
TEXT = "A message of usual length, as a customer writes it."


def measure(wanted: frozenset[str], environment: BenchmarkEnvironment) -> Iterator[Row]:
    """Yield the rows; both on one worker."""
    with InboundEnvironment(environment, ACCOUNTS, SENDERS) as stage:
        if RATE in wanted:
            pairs = []
            for number in range(ROUNDS):
                with environment.progress(f"{MESSAGES} messages in, round {number + 1} of {ROUNDS}"):
                    pairs.append(stage.round(MESSAGES, own_first=number % 2 == 0))
            own, ratio = median(own for _, own in pairs), median(own / raw for raw, own in pairs)
            yield Row(RATE, own, "messages/s", ratio, "raw Telethon handlers, the same messages", Goal("ratio", ">=", 0.5))
        if REQUESTS in wanted:
            with environment.progress(f"{STEADY_PER_S} messages/s for {STEADY_S:.0f} s"):
                events, calls = stage.steady(STEADY_PER_S, STEADY_S)
            said = ", ".join(f"{count / events * 1000:.0f} {name}" for name, count in calls.most_common())
            shape = f"{STEADY_PER_S}/s at random over {ACCOUNTS * SENDERS} chats of {ACCOUNTS} accounts: {said}"
            yield Row(REQUESTS, calls.total() / events * 1000, "requests", None, shape)


class InboundEnvironment:
    """One worker, plain clients for the same accounts, and people who write to them. A context manager."""

    def __init__(self, environment: BenchmarkEnvironment, accounts: int, senders: int) -> None:
        self._environment, self._people = environment, environment.people
        self._chats = [(sender, to) for to in phones(670, accounts) for sender in phones(671, senders)]
        self._accounts = phones(670, accounts)
        self._parts = ExitStack()

    def __enter__(self) -> InboundEnvironment:
        with ExitStack() as parts:
            log_in(self._environment, phones(671, len(self._chats) // len(self._accounts)))  # people, whose log-ins nobody uses
            own, raw = log_in(self._environment, self._accounts), log_in(self._environment, self._accounts)
            self._aws = self._environment.in_background(FakeAws().running())
            store(self._environment, self._aws, own, NOBODY)
            parts.enter_context(WorkerProcess(self._environment, self._aws, "listener-inbound"))
            self._raw = parts.enter_context(RawClients(self._environment, "raw-inbound", raw, AT_ONCE, count_to=len(self._chats)))
            self._raw.said(1)
            wait_connected(self._environment, own)
            self._own, self._theirs = (list(connections(self._environment, side).values()) for side in (own, raw))
            self._counted = 0
            self._send(len(self._chats))  # every chat's first message, whose peer has to be kept
            self._wait_for_own(len(self._chats))
            self._raw_at(len(self._chats))
            self._parts = parts.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._parts.close()

    def round(self, messages: int, *, own_first: bool) -> tuple[float, float]:
        """Have so many messages come at once; return messages per second of the plain clients and of the worker.

        `messages` is a multiple of the number of chats.
        """
        for number in (*self._own, *self._theirs):
            self._people.stall(number=number)
        before = len(self._aws.queue.sent)
        self._send(messages)
        raw = 0.0
        if not own_first:
            raw = self._raw_rate(messages)
        began = self._resume(self._own)
        self._wait_for_own(before + messages)
        own = messages / (self._aws.queue.sent[before + messages - 1][0] - began)
        return raw or self._raw_rate(messages), own

    def steady(self, per_s: float, for_s: float) -> tuple[int, Counter[str]]:
        """Have messages come at random for so many seconds; return how many came, and the AWS requests for them."""
        chance = random.Random(1)
        already, before = len(self._aws.queue.sent), Counter(self._aws.calls)
        due = began = time.monotonic()
        sent = 0
        while (due := due + chance.expovariate(per_s)) < began + for_s:
            time.sleep(max(0.0, due - time.monotonic()))  # the traffic's own pause
            sender, to = chance.choice(self._chats)
            self._people.send(sender, to, TEXT)
            sent += 1
        self._wait_for_own(already + sent)
        time.sleep(CHECKPOINT_EVERY_S + 1)  # the last checkpoints are part of it
        return sent, of_accounts(self._aws.calls - before)

    def _send(self, messages: int) -> None:
        """Send round after round through all chats."""
        chats = self._chats
        every = [{"sender": sender, "to": to, "text": TEXT} for sender, to in chats * (messages // len(chats))]
        for begin in range(0, len(every), PER_REQUEST):
            self._people.send_many(every[begin : begin + PER_REQUEST])

    def _raw_rate(self, messages: int) -> float:
        began = self._resume(self._theirs)
        return messages / (self._raw_at(messages) - began)

    def _raw_at(self, messages: int) -> float:
        """Return when the plain clients had so many more."""
        self._counted += messages
        lines = self._raw.said(1 + self._counted // len(self._chats), DEADLINE_S)
        return float(lines[self._counted // len(self._chats)]["at"])

    def _wait_for_own(self, events: int) -> None:
        wait_until(lambda: len(self._aws.queue.sent) >= events, DEADLINE_S, f"{events} events in the queue")

    def _resume(self, connections: Sequence[int]) -> float:
        began = time.monotonic()
        for number in connections:
            self._people.resume(number=number)
        return began


SUITE = Suite((RATE, REQUESTS), measure)
