"""Accounts that write, as a function would have them: the same `random_id` until there is a definite answer. Each must arrive once."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from shared.errors import AvioError, Code
from shared.model.ids import Channel
from shared.rpc.client import OwnerClient
from shared.rpc.send import SendMessage
from shared.store.accounts import AccountStore
from shared.store.workers import WorkerStore
from testing.chaos.fault_log import FaultLog
from testing.chaos.message_audit import MessageAudit, Sequence
from testing.chaos.population import Participant, Population, ScriptedChat
from testing.chaos.telegram_process import RestartingServer

AT_ONCE = 100
NOT_DEFINITE = {
    Code.UNAVAILABLE,
    Code.OUTCOME_UNKNOWN,
    Code.TELEGRAM_UNAVAILABLE,
    Code.TELEGRAM_ERROR,
    Code.INTERNAL_ERROR,
    Code.NOT_MINE,
    Code.FLOOD_WAIT,
}
AGAIN_S = 1.0


@dataclass
class SendAttempt:
    """One message of an account's; `outcome` is "sent", or the code of a definite refusal, or empty while nobody knows."""

    participant: Participant
    recipient: str
    text: str
    random_id: int
    began_s: float
    outcome: str = ""
    took_s: float = 0.0
    tries: int = 0


@dataclass
class SendVerdict:
    """What became of them all. `refused` counts refusals by code."""

    sends: int
    sent_lost: list[SendAttempt]
    sent_doubled: list[SendAttempt]
    refused: Counter[str]
    arrived_though_refused: list[SendAttempt]


@dataclass
class Sends:
    """Sends until `stopping` is set; then `run` returns once each has its answer, which may take as long as the faults last."""

    population: Population
    audit: MessageAudit
    server: RestartingServer
    fault_log: FaultLog
    rng: random.Random
    accounts: AccountStore
    workers: WorkerStore
    all: list[SendAttempt] = field(default_factory=list)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._clients = asyncio.Queue[OwnerClient]()
        self._private = {chat.participants[0]: chat for chat in self.population.chats if chat.kind == "private"}

    async def run(self, rate: float) -> None:
        """Send `rate` messages a second, AT_ONCE at most under way."""
        clients = [OwnerClient(self.accounts, self.workers) for _ in range(AT_ONCE)]
        for client in clients:
            self._clients.put_nowait(client)
        try:
            with ThreadPoolExecutor(AT_ONCE, "send") as threads:
                async with asyncio.TaskGroup() as tasks:
                    while not self.stopping.is_set():
                        await asyncio.sleep(self.rng.uniform(0.5, 1.5) / rate)  # the rate
                        client = await self._clients.get()
                        tasks.create_task(self._send(self._next(), client, threads))
        finally:
            for client in clients:
                client.close()

    async def verdict(self) -> SendVerdict:
        """Look into the recipients' boxes."""
        arrived: Counter[tuple[str, str]] = Counter()
        for recipient in {one.recipient for one in self.all}:
            found = await self.server.get(f"/people/{recipient}/messages", direction="in", limit=10_000)
            arrived.update((recipient, message["text"]) for message in found["messages"])
        counts = [(one, arrived[one.recipient, one.text]) for one in self.all]
        return SendVerdict(
            sends=len(self.all),
            sent_lost=[one for one, count in counts if one.outcome == "sent" and not count],
            sent_doubled=[one for one, count in counts if count > 1],
            refused=Counter(one.outcome or "no_answer" for one in self.all if one.outcome != "sent"),
            arrived_though_refused=[one for one, count in counts if one.outcome not in ("sent", "") and count],
        )

    def _next(self) -> tuple[SendAttempt, str]:
        participant = self.rng.choice(self.population.participants)
        recipient, to = self._recipient(participant)
        sent = SendAttempt(participant, recipient, f"send {len(self.all) + 1}", self.rng.getrandbits(62), self.fault_log.now)
        self.all.append(sent)
        return sent, to

    def _recipient(self, participant: Participant) -> tuple[str, str]:
        """A friend by username, or the stranger by id once an event has given the customer that id."""
        chat: ScriptedChat | None = self._private.get(participant)
        if chat and self.audit.has_seen(Sequence(participant.tenant_id, chat.number)) and self.rng.random() < 0.5:
            return chat.stranger, str(chat.stranger_id)
        phone = self.rng.choice(list(self.population.friends))
        return phone, f"@{self.population.friends[phone]}"

    async def _send(self, what: tuple[SendAttempt, str], client: OwnerClient, threads: ThreadPoolExecutor) -> None:
        sent, to = what
        loop = asyncio.get_running_loop()
        while not sent.outcome:
            sent.tries += 1
            sent.outcome = await loop.run_in_executor(threads, self._try, client, sent, to)
            if not sent.outcome:
                await asyncio.sleep(AGAIN_S)  # what such an answer asks for: come back later
        sent.took_s = self.fault_log.now - sent.began_s
        self._clients.put_nowait(client)

    def _try(self, client: OwnerClient, sent: SendAttempt, to: str) -> str:
        tenant_id = sent.participant.tenant_id
        try:
            row = self.accounts.get(tenant_id, Channel.TELEGRAM)
            client.call(tenant_id, Channel.TELEGRAM, row, SendMessage(to=to, text=sent.text, random_id=sent.random_id))
        except AvioError as error:
            return "" if error.code in NOT_DEFINITE else str(error.code)
        return "sent"
