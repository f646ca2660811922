"""Accounts by the thousand: logged in at the test server and stored as a listener stores them, without a key exchange for each.

The sessions are sealed and written by the listener's own Strongbox; only the account's row is written here.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.environment import BenchmarkEnvironment
from benchmarks.worker_process import POLL_S, wait_until
from listener.core.session_store import SessionStore
from listener.telegram.session import Identity, Session
from listener.telegram.updates.update_state import UpdateState
from local.telegram_server_process import API_ID
from shared.crypto import Envelope
from shared.model.account import Account, AccountState
from shared.model.ids import Channel, Epoch, TenantId, WorkerId
from shared.store import keys
from shared.store.fenced import FencedStore
from shared.store.table import Table
from testing.fake_aws.aws import KEY, FakeAws
from testing.fake_aws.dynamodb import STATE

AT_ONCE = 500
CONNECT_S = 300.0
POLL_EACH_S = 0.0001
FIRST = Epoch(1)


@dataclass(frozen=True)
class LoggedIn:
    """A person of the test server and an authorised key of theirs; `key` is its name there."""

    phone: str
    user_id: int
    key: str
    secret: bytes
    state: dict[str, int]

    @property
    def tenant_id(self) -> TenantId:
        """The tenant whose account this is: one each."""
        return TenantId(f"00000000-0000-4000-8000-{self.user_id:012d}")


def log_in(environment: BenchmarkEnvironment, phones: Sequence[str]) -> list[LoggedIn]:
    """Log phones in at the test server, with a new key for each."""
    made: list[dict[str, Any]] = []
    for begin in range(0, len(phones), AT_ONCE):
        made += environment.people.authorize(phones[begin : begin + AT_ONCE])
    return [LoggedIn(one["phone"], one["person_id"], one["key"], base64.b64decode(one["secret"]), one["state"]) for one in made]


def phones(prefix: int, count: int) -> list[str]:
    """Return so many phone numbers, which rows tell apart by their prefix (three digits)."""
    return [f"+999{prefix:03d}{number:05d}" for number in range(count)]


def store(environment: BenchmarkEnvironment, aws: FakeAws, accounts: Sequence[LoggedIn], owner: WorkerId) -> None:
    """Store accounts as `owner` would have left them."""
    table = Table(aws.client, STATE)
    envelope, fenced = Envelope(lambda: aws.client, KEY), FencedStore(table)
    host, port = environment.telegram.address.rsplit(":", 1)
    dc_id = int(environment.people.info()["dc_id"])
    for one in accounts:
        key = keys.account(one.tenant_id, Channel.TELEGRAM)
        table.put({**key, "epoch": FIRST})
        store = SessionStore(one.tenant_id, Channel.TELEGRAM, FIRST, fenced, envelope)
        store.load()
        session = Session(identity=Identity(api_id=int(API_ID)), dc_id=dc_id, address=host, port=int(port), user_id=one.user_id)
        store.save_session(replace(session, auth_key=one.secret).written())
        state = UpdateState(**one.state, seeded=one.state["date"])  # type: ignore[arg-type]  # the numbers alone; its dialogs were read after its log-in
        store.save_position(state.written())
        row = Account(
            tenant_id=one.tenant_id,
            channel=Channel.TELEGRAM,
            owner=owner,
            epoch=FIRST,
            state=AccountState.AUTHORIZED,
            phone=one.phone,
            user_id=str(one.user_id),
            proxied=False,
        )
        table.put({**key, **row.model_dump(exclude={"tenant_id", "channel"})})


def connections(environment: BenchmarkEnvironment, accounts: Sequence[LoggedIn]) -> dict[str, int]:
    """Return the newest connection under each of these keys that has one; the server numbers them in the order in which they came."""
    keys_ = {one.key for one in accounts}
    return {one["key"]: one["number"] for one in environment.people.connections() if one["key"] in keys_ and one["wants_updates"]}


def wait_connected(environment: BenchmarkEnvironment, accounts: Sequence[LoggedIn]) -> None:
    """Wait until all of these accounts are connected."""
    _wait_for(environment, accounts, len(accounts))


def wait_disconnected(environment: BenchmarkEnvironment, accounts: Sequence[LoggedIn]) -> None:
    """Wait until none of these accounts is connected, so that another process may use their keys."""
    _wait_for(environment, accounts, 0)


def _wait_for(environment: BenchmarkEnvironment, accounts: Sequence[LoggedIn], count: int) -> None:
    """Wait for a number of connections, asking the less often the longer the answer is."""
    every_s = max(POLL_S, POLL_EACH_S * len(accounts))
    wait_until(lambda: len(connections(environment, accounts)) == count, CONNECT_S, f"{count} connections", every_s)
