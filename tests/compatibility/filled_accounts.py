"""Accounts in every state, log-ins and messages, through the listener of the day and the Telegram test server.

By hand, since a test server cannot bring them about: accounts that were banned, or whose key or session is lost, and log-outs under way.
The stores write the rows for them all the same.
"""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from local.emulator_account import EmulatorAccount
from shared.crypto import Purpose
from shared.errors import AvioError
from shared.model.account import AccountState, Wanted
from shared.model.ids import Channel, TenantId, WorkerId
from shared.model.states import Reason, move
from shared.store import keys
from testing.telegram_server.control.specs import (
    CodeSpec,
    ConnectionSpec,
    FreezeSpec,
    GroupSpec,
    MediaSpec,
    PersonPatch,
    PersonSpec,
    SendSpec,
)
from testing.telegram_server.server import TelegramServer
from tests.support.captured_log import CapturedLog
from tests.support.clock import FakeClock
from tests.support.listener_harness import TENANTS, ListenerHarness, WorkerHarness, is_up, telegram, telegram_of, until
from tests.support.outgoing import text_to

NAMES = ("anna", "code", "twofa", "frozen", "restricted", "leaving", "wanted", "out", "failed", "duplicated", "banned", "begun", "ended")
"""A tenant and a person each, called by what is special about the account."""
CODE, PASSWORD = "12345", "a second factor"
FOR_EVER_S = 100 * 366 * 86_400
TELEGRAM = Channel.TELEGRAM
FREEZE = FreezeSpec(until=1_900_000_000, appeal_url="https://t.me/spambot?start=frozen")


class AccountFiller:
    """Fills in accounts."""

    def __init__(self, aws: EmulatorAccount, server: TelegramServer, clock: FakeClock, cast: dict[str, Any]) -> None:
        self._aws, self._server, self._clock, self._cast = aws, server, clock, cast
        self._rig = ListenerHarness(aws, telegram_of(server), CapturedLog())
        for tenant_id in TENANTS:
            self._rig.table.delete(keys.tenant(tenant_id))

    async def run(self) -> None:
        """Fill in people, groups and accounts."""
        self._people()
        await self._log_ins()

    def id(self, name: str) -> TenantId:
        """Return a tenant's id."""
        return TenantId(self._cast["tenants"][name]["id"])

    def _queue_length(self) -> int:
        name = "ApproximateNumberOfMessages"
        answer = self._rig.sqs.get_queue_attributes(QueueUrl=self._aws.events_queue_url, AttributeNames=[name])
        return int(answer["Attributes"][name])

    def _people(self) -> None:
        code = CodeSpec(fixed=CODE, lifetime_s=FOR_EVER_S)
        people = self._cast["people"] = {}
        for number, name in enumerate((*NAMES, "alice", "bob", "carol")):
            phone = f"+99966100{number:02}"
            password = PASSWORD if name == "twofa" else None
            spec = PersonSpec(phone=phone, first_name=name.title(), username=f"{name}_{number:02}", password=password, code=code)
            people[name] = {"phone": phone, "id": self._server.people.create(spec)["id"], "username": spec.username}
        self._cast |= {"code": CODE, "password": PASSWORD}
        groups = self._cast["groups"] = {}
        for kind in ("basic", "supergroup", "channel"):
            members = [self.phone("anna"), self.phone("carol")]
            group = GroupSpec.model_validate({"kind": kind, "title": f"The {kind}", "creator": self.phone("bob"), "members": members})
            groups[kind] = self._server.groups.create(group)["id"]

    def phone(self, name: str) -> str:
        """Return a person's phone."""
        return str(self._cast["people"][name]["phone"])

    def username(self, name: str) -> str:
        """Return a person's username, as a peer."""
        return "@" + str(self._cast["people"][name]["username"])

    def write(self, sender: str, to: str, text: str, **more: Any) -> int:
        """Have a person write; return the message's number in the sender's own box."""
        sent = self._server.messages.send(self.phone(sender), SendSpec(to=to, text=text, **more))
        return int(sent["id"])

    async def _log_ins(self) -> None:
        silent, dead, ended = (self._rig.worker(self._clock) for _ in range(3))
        self._cast["workers"] = {"silent": silent.id, "dead": dead.id, "ended": ended.id}
        async with silent.running():
            await self._frozen(silent)
            await silent.crash()
        async with dead.running():
            await self._half_way(dead)
            anna = await self._logged_in(dead, "anna")
            await self._messages(anna)
            await self._logged_in(dead, "wanted")
            await self._logged_in(dead, "leaving")
            await dead.crash()
        self.write("alice", self.phone("anna"), "after the crash")
        self.write("bob", str(self._cast["groups"]["supergroup"]), "to the supergroup after the crash")
        self._leave_by_hand(dead.id)
        async with ended.running():
            await self._restricted(ended)
            await self._logged_in(ended, "ended")
            out = await self._logged_in(ended, "out")
            await out.log_out()
            assert self._rig.accounts.get(self.id("out"), TELEGRAM).state is AccountState.LOGGED_OUT  # type: ignore[union-attr]
        self._by_hand()
        row = self._rig.workers.get(dead.id)
        assert row
        assert self._rig.workers.kill(dead.id, row.beat, self._clock.now())

    async def _logged_in(self, worker: WorkerHarness, name: str) -> Any:
        account = await worker.account(self.id(name))
        await telegram(account).flow.start(self.phone(name))
        await telegram(account).flow.verify(self.phone(name), CODE, None)
        await until(lambda: is_up(account))
        return account

    async def _half_way(self, worker: WorkerHarness) -> None:
        code, twofa = await worker.account(self.id("code")), await worker.account(self.id("twofa"))
        await telegram(code).flow.start(self.phone("code"))
        await telegram(twofa).flow.start(self.phone("twofa"))
        await _refused(telegram(twofa).flow.verify(self.phone("twofa"), CODE, None))

    async def _messages(self, account: Any) -> None:
        """Have Anna get a message of every form, write one, and miss some while she is not connected."""
        anna, groups = self.phone("anna"), self._cast["groups"]
        await until(lambda: account.live.synced_at)
        first = self.write("alice", anna, "hello")
        await self._arrived(1)
        self.write("alice", anna, "an answer to myself", reply_to=first)
        file = {"content": base64.b64encode(b"bytes"), "kind": "document", "name": "list.txt", "mime_type": "text/plain"}
        self.write("alice", anna, "with a file", media=MediaSpec.model_validate(file))
        self.write("bob", str(groups["supergroup"]), "ж" * 4096)  # in ASCII six times as long: too large for the queue
        for kind in groups:
            self.write("bob", str(groups[kind]), f"to the {kind}")
        self.write("carol", str(groups["supergroup"]), "from Carol 😀")
        await self._arrived(8)
        await telegram(account).send(text_to(self.username("alice"), "from Anna", 1))
        self._server.operation.kick(ConnectionSpec(person=anna))
        self.write("alice", anna, "while nobody was there")
        self.write("bob", str(groups["channel"]), "the second")
        await self._arrived(10)
        await until(lambda: not account.holding.ledger.pending)
        await account.holding.save_marks(self._clock.now())

    async def _arrived(self, count: int) -> None:
        async with asyncio.timeout(60):
            while await asyncio.to_thread(self._queue_length) < count:  # noqa: ASYNC110  a queue announces nothing
                await asyncio.sleep(0.05)

    async def _frozen(self, worker: WorkerHarness) -> None:
        account = await self._logged_in(worker, "frozen")
        self._server.people.patch(self.phone("frozen"), PersonPatch(frozen=FREEZE))
        await _refused(telegram(account).send(text_to(self.username("alice"), "cold", 2)))
        assert account.holding.row.state is AccountState.FROZEN

    async def _restricted(self, worker: WorkerHarness) -> None:
        account = await self._logged_in(worker, "restricted")
        self._server.people.patch(self.phone("restricted"), PersonPatch(spam_limited=True))
        await _refused(telegram(account).send(text_to(self.username("alice"), "cold", 3)))
        assert account.holding.row.state is AccountState.RESTRICTED

    def _leave_by_hand(self, owner: WorkerId) -> None:
        """Write what a log-out under way writes: the owner died in it, or has not heard of it yet."""
        row = self._rig.accounts.want(self.id("leaving"), TELEGRAM, Wanted.LOG_OUT, self._clock.now())
        assert row
        leaving = move(AccountState.AUTHORIZED, AccountState.LOGGING_OUT, Reason.LOG_OUT_WANTED)
        assert self._rig.accounts.set_status(self.id("leaving"), TELEGRAM, owner, row.epoch, leaving)
        assert self._rig.accounts.want(self.id("wanted"), TELEGRAM, Wanted.LOG_OUT, self._clock.now())

    def _by_hand(self) -> None:
        """Write accounts that came to an end, one that was claimed and not used, and a session that nobody can read."""
        ends = {
            "failed": (AccountState.FAILED, Reason.SESSION_UNREADABLE),
            "duplicated": (AccountState.KEY_DUPLICATED, Reason.KEY_DUPLICATED),
            "banned": (AccountState.BANNED, Reason.BANNED),
        }
        accounts, me = self._rig.accounts, WorkerId("0123abcd")
        for name, (state, reason) in ends.items():
            row = accounts.claim(self.id(name), TELEGRAM, None, me, "claim-1")
            assert row
            fields = {
                **move(AccountState.AUTHORIZED, state, reason),
                "phone": self.phone(name),
                "user_id": 1,
                "last_error": str(reason).upper(),
            }
            assert accounts.release(self.id(name), TELEGRAM, me, row.epoch, fields)
            if state is AccountState.FAILED:
                session = keys.session(self.id(name), TELEGRAM)
                self._rig.fenced.load(session, row.epoch)
                data_key = self._rig.envelope.new_key(self.id(name), Purpose.SESSION)
                self._rig.fenced.save(session, row.epoch, {"data_key": data_key.wrapped, "sealed": b"unreadable"})
        begun = accounts.claim(self.id("begun"), TELEGRAM, None, me, "claim-2")
        assert begun
        assert accounts.give(self.id("begun"), TELEGRAM, me, begun.epoch)


async def _refused(step: Any) -> None:
    try:
        await step
    except AvioError:
        return
    raise AssertionError("not refused")
