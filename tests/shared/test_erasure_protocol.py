"""The end of a tenant with an account on each channel, in any interleaving.

DELETE, log-ins that race it, the owners of both accounts, their successors (while a paused owner may still write), functions/erasure, and
deaths before and after any call.

After each call: an account's items are there until it is logged out, and an account row that says `erase` is there as long as anything of
the tenant is. At the end nothing of it is left, and each account was logged out. `AVIO_PROTOCOL_EXAMPLES` sets the number of examples.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.model.account import Wanted
from shared.model.ids import Channel, TenantId, WorkerId
from shared.store import erasure, keys
from shared.store.accounts import AccountStore, TenantGone
from shared.store.fenced import FencedStore, Superseded
from shared.store.peers import Peer, PeerStore
from shared.store.table import Table
from shared.store.tenants import TenantStore, new_tenant_id
from testing.fake_aws.dynamodb import STATE, FakeDynamoDb
from tests.support.clock import FakeClock
from tests.support.fake_stores import fake_table
from tests.support.fault_injection import CrashingClient, Killed, SimulatedProcess
from tests.support.turns import Choose, table_over, take_turns

EXAMPLES = int(os.environ.get("AVIO_PROTOCOL_EXAMPLES", "150"))
TG, WA = Channel.TELEGRAM, Channel.WHATSAPP
DEATHS = st.integers(0, 60).map(lambda step: step if step <= 40 else 0)
Program = Callable[[Table], None]


class EndingTenant:
    """A tenant with everything, a neighbour, and the messengers, which know who is logged in."""

    def __init__(self) -> None:
        self.clock, self.dynamodb = FakeClock(), FakeDynamoDb()
        self.table = fake_table(self.dynamodb)
        self.neighbour = self._tenant()
        for channel in Channel:
            self._log_in(self.table, self.neighbour, channel, "neighbour")
        self.before = self.items(self.neighbour)
        self.tenant = self._tenant()
        self.logged_in: set[Channel] = set()
        self.logged_out: set[Channel] = set()

    def _tenant(self) -> TenantId:
        tenant, _ = TenantStore(self.table).create("Shop", None, self.clock.now(), None, new_tenant_id())
        return tenant.id

    def items(self, tenant_id: TenantId) -> dict[str, dict[str, Any]]:
        """Return a tenant's items by their sort keys."""
        return {item["sk"]["S"]: item for item in self.dynamodb.tables[STATE] if item["pk"]["S"] == f"T#{tenant_id}"}

    # the programs

    def _log_in(self, table: Table, tenant_id: TenantId, channel: Channel, worker: str) -> None:
        account = AccountStore(table).claim(tenant_id, channel, None, WorkerId(worker), worker)
        if account is None or account.claim != worker:
            return  # another worker has it
        fenced = FencedStore(table)
        for key in (keys.session(tenant_id, channel), keys.marks(tenant_id, channel)):
            fenced.load(key, account.epoch)
        PeerStore(table).put(tenant_id, channel, Peer(id=7, kind="chat"))
        fenced.save(keys.session(tenant_id, channel), account.epoch, {"sealed": b"session"})

    def log_in(self, channel: Channel) -> Program:
        """Return a first log-in, which comes before the end or is refused; its worker dies after it."""

        def program(table: Table) -> None:
            try:
                self._log_in(table, self.tenant, channel, "first")
            except (TenantGone, Superseded):
                return

        return program

    def delete(self, table: Table) -> None:
        """End the tenant, as DELETE does."""
        if TenantStore(table).get(self.tenant) and TenantStore(table).end(self.tenant, Channel, self.clock.now()):
            erasure.erase(table, self.tenant)

    def visit(self, table: Table) -> None:
        """Visit the ended tenant, as functions/erasure does."""
        for ended in TenantStore(table).ended(self.clock.now()):
            if not erasure.erase(table, ended.tenant_id):
                erasure.remind(table, ended.tenant_id, ended.ended_at)

    def own(self, channel: Channel, worker: str) -> Program:
        """Return a worker that claims the account if it is to be erased, logs it out and erases it."""

        def program(table: Table) -> None:
            accounts, fenced = AccountStore(table), FencedStore(table)
            seen = accounts.get(self.tenant, channel)
            if seen is None or seen.wanted is not Wanted.ERASE:
                return
            mine = accounts.claim(self.tenant, channel, seen, WorkerId(worker), worker)
            if mine is None or mine.claim != worker:
                return
            try:
                session = fenced.load(keys.session(self.tenant, channel), mine.epoch)
                fenced.load(keys.marks(self.tenant, channel), mine.epoch)
            except Superseded:
                return
            if "sealed" in session:
                self.logged_out.add(channel)
            erasure.erase_account(table, self.tenant, channel, mine.epoch)

        return program

    # what holds

    def check(self) -> None:
        """Look at the table after a call."""
        items = self.items(self.tenant)
        self.logged_in |= {channel for channel in Channel if "sealed" in items.get(f"SESSION#{channel}", {})}
        for channel in self.logged_in - self.logged_out:
            assert "sealed" in items[f"SESSION#{channel}"], "erased before it was logged out"
            assert {f"ACCOUNT#{channel}", f"MARKS#{channel}", f"PEER#{channel}#7"} <= items.keys()
        ended = any(item["pk"]["S"] == keys.ENDED for item in self.dynamodb.tables[STATE])
        if ended and items:
            assert any(sk.startswith(keys.ACCOUNTS) and item["wanted"]["S"] == Wanted.ERASE for sk, item in items.items())

    def finish(self) -> None:
        """Let everybody try again, undisturbed; then nothing is left."""
        for number in range(2):
            for program in (self.delete, self.own(TG, f"late telegram {number}"), self.own(WA, f"late whatsapp {number}")):
                program(self.table)
                self.check()
        assert self.items(self.tenant) == {}
        assert self.logged_out == self.logged_in
        assert self.items(self.neighbour) == self.before
        assert sum(pk.startswith("TENANTS#") for pk, _ in self.dynamodb.addresses()) == 1


def dying(program: Program, dies_at: int) -> Callable[[Any], None]:
    """Return a program that dies at a step: before or after a call."""

    def run(client: Any) -> None:
        try:
            program(table_over(CrashingClient(client, SimulatedProcess(dies_at))))
        except Killed:
            return

    return run


def choosing(turns: list[int]) -> Choose:
    """Return who goes on, by numbers; then the first that can."""
    left = iter(turns)
    return lambda running: running[next(left, 0) % len(running)]


@settings(max_examples=EXAMPLES)
@given(
    there=st.sets(st.sampled_from(Channel)),
    deaths=st.lists(DEATHS, min_size=9, max_size=9),
    turns=st.lists(st.integers(0, 8), max_size=150),
)
def test_each_account_is_logged_out_before_it_is_erased_and_nothing_is_left(
    there: set[Channel], deaths: list[int], turns: list[int]
) -> None:
    """Accounts that are not `there` before the end are created beside it, or not at all."""
    ending = EndingTenant()
    programs: dict[str, Program] = {f"{worker} {channel}": ending.own(channel, worker) for worker in ("a", "b") for channel in Channel}
    for channel in Channel:
        if channel in there:
            ending.log_in(channel)(ending.table)
            ending.check()
        else:
            programs[f"log-in {channel}"] = ending.log_in(channel)
    programs |= {"delete": ending.delete, "delete again": ending.delete, "visit": ending.visit}
    running = {name: dying(program, dies_at) for (name, program), dies_at in zip(programs.items(), deaths, strict=False)}
    take_turns(ending.dynamodb, running, choosing(turns), ending.check)
    ending.finish()


@pytest.mark.parametrize(("second", "there"), [(WA, (TG, WA)), (TG, (TG,))], ids=["other account", "same account"])
def test_two_that_erase_at_once_leave_the_tenant_to_the_last_of_them(second: Channel, there: tuple[Channel, ...]) -> None:
    """An owner pauses before any of its calls; meanwhile the other account's owner, or its own successor, ends or dies after any call."""
    for pauses_at, dies_at in product(range(1, 14), range(0, 27, 2)):  # dies after a call; 0: not at all
        ending = EndingTenant()
        for channel in there:
            ending.log_in(channel)(ending.table)
        ending.delete(ending.table)
        ending.check()
        programs = {"first": dying(ending.own(TG, "a"), 0), "second": dying(ending.own(second, "b"), dies_at)}
        turns = iter(["first"] * pauses_at)

        def choose(running: Any, turns: Iterator[str] = turns) -> str:
            wanted = next(turns, "second")
            return wanted if wanted in running else str(running[0])

        take_turns(ending.dynamodb, programs, choose, ending.check)
        ending.finish()
