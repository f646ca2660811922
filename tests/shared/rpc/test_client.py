"""Reaching owners over real TLS: what is tried again, what is not, and what is said then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.errors import AvioError, Code
from shared.model.account import Account
from shared.model.ids import NOBODY, Channel, Epoch, TenantId, WorkerId
from shared.model.worker import Worker
from shared.rpc.client import OwnerClient
from shared.rpc.send import SendMessage, SendResult
from shared.store import keys
from shared.store.accounts import AccountStore
from shared.store.table import Table
from shared.store.workers import WorkerStore
from tests.support.certificates import certificate_for
from tests.support.clock import FakeClock
from tests.support.events import TENANT
from tests.support.stand_in_owner import StandInOwner

SENT = {"peer_resolved": 77, "message_id": 5, "date": "2026-03-01T12:00:00+00:00"}
SENT_MESSAGE = SendResult(chat_id="77", message_id="5", date=datetime(2026, 3, 1, 12, tzinfo=UTC))
NewOwner = Callable[..., StandInOwner]


@pytest.fixture
def new_owner(table: Table, tmp_path: Path) -> Iterator[NewOwner]:
    """Start workers, registered unless told otherwise, that answer with SENT."""
    with ExitStack() as open_owners:

        def start(*, registered: bool = True, **options: Any) -> StandInOwner:
            owner = StandInOwner(tmp_path, **options)
            open_owners.callback(owner.close)
            owner.respond = lambda command, body: SENT
            if registered:
                WorkerStore(table).register(owner.worker)
            return owner

        yield start


@pytest.fixture
def client(table: Table) -> OwnerClient:
    """A client with time for a busy machine."""
    return OwnerClient(AccountStore(table), WorkerStore(table), deadline_s=60, connect_s=15)


def account_of(owner: Worker | None, table: Table) -> Account:
    """Write an account's row and return it as read."""
    row = {**keys.account(TENANT, Channel.TELEGRAM), "epoch": 1, "owner": owner.id if owner else NOBODY}
    table.put(row)
    found = AccountStore(table).get(TENANT, Channel.TELEGRAM)
    assert found
    return found


def send(client: OwnerClient, account: Account | None) -> SendResult:
    """Have the owner send."""
    return client.call(TENANT, Channel.TELEGRAM, account, SendMessage(to="me", text="Привет", random_id=5))


def refusal(client: OwnerClient, account: Account | None) -> AvioError:
    """Return what a call raises."""
    with pytest.raises(AvioError) as refused:
        send(client, account)
    return refused.value


def test_the_owner_is_asked_with_its_key(table: Table, new_owner: NewOwner, client: OwnerClient) -> None:
    """Tenant, channel and arguments in the body; the stand-in answers only who brings its key."""
    owner = new_owner()
    new_owner()
    assert send(client, account_of(owner.worker, table)) == SENT_MESSAGE
    assert owner.asked == [("send", {"tenant": TENANT, "channel": "telegram", "to": "me", "text": "Привет", "random_id": 5})]


@pytest.mark.parametrize("owned", [None, NOBODY, WorkerId("worker-long-gone")])
def test_without_an_owner_the_least_loaded_live_worker_is_asked(
    table: Table, new_owner: NewOwner, client: OwnerClient, owned: WorkerId | None
) -> None:
    """It claims the account first."""
    new_owner(accounts=7)
    least = new_owner(accounts=3)
    ended, dead = new_owner(accounts=0), new_owner(accounts=0)
    clock = FakeClock()
    WorkerStore(table).end(ended.worker.id, clock.now())
    WorkerStore(table).kill(dead.worker.id, dead.worker.beat, clock.now())
    account = Account(tenant_id=TENANT, channel=Channel.TELEGRAM, owner=owned, epoch=Epoch(1)) if owned else None
    assert send(client, account) == SENT_MESSAGE
    assert len(least.asked) == 1


def test_a_dead_owners_account_goes_to_a_live_worker(table: Table, new_owner: NewOwner, client: OwnerClient) -> None:
    """Its row says so: the account is free."""
    dead, live = new_owner(), new_owner()
    account = account_of(dead.worker, table)
    WorkerStore(table).kill(dead.worker.id, dead.worker.beat, FakeClock().now())
    assert send(client, account) == SENT_MESSAGE
    assert (len(dead.asked), len(live.asked)) == (0, 1)


def test_not_mine_leads_to_the_new_owner(table: Table, new_owner: NewOwner, client: OwnerClient) -> None:
    """The account moved after its row was read: read again, ask again, with the same arguments."""
    old, new = new_owner(), new_owner()
    account = account_of(old.worker, table)

    def moved(command: str, body: dict[str, Any]) -> dict[str, Any]:
        account_of(new.worker, table)
        return {"error": "not_mine"}

    old.respond = moved
    assert send(client, account) == SENT_MESSAGE
    assert old.asked == new.asked


def test_not_mine_again_and_again_is_given_up(table: Table, new_owner: NewOwner, client: OwnerClient) -> None:
    """Three tries; nothing happened, and the caller may come back."""
    owner = new_owner()
    owner.respond = lambda command, body: {"error": "not_mine"}
    error = refusal(client, account_of(owner.worker, table))
    assert (error.code, error.retry_after_s, len(owner.asked)) == (Code.UNAVAILABLE, 5, 3)


def test_a_worker_that_refuses_is_passed_over(table: Table, new_owner: NewOwner, client: OwnerClient) -> None:
    """No owner yet: the next least loaded is asked."""
    closed, other = new_owner(accounts=0), new_owner(accounts=5)
    closed.close()
    assert send(client, None) == SENT_MESSAGE
    assert len(other.asked) == 1


def test_an_owner_that_refuses_but_lives_keeps_its_account(table: Table, new_owner: NewOwner, client: OwnerClient) -> None:
    """Only its death frees the account: no other worker is asked, whatever it would do."""
    owner, other = new_owner(), new_owner()
    account = account_of(owner.worker, table)
    owner.close()
    assert (refusal(client, account).code, other.asked) == (Code.UNAVAILABLE, [])


def test_a_known_owner_that_died_is_not_asked_for_ever(table: Table, new_owner: NewOwner, client: OwnerClient) -> None:
    """The kept connection breaks, its row is read again, and a live worker is asked."""
    owner, other = new_owner(), new_owner()
    account = account_of(owner.worker, table)
    owner.respond = lambda command, body: None
    assert refusal(client, account).code is Code.OUTCOME_UNKNOWN
    owner.close()
    WorkerStore(table).kill(owner.worker.id, owner.worker.beat, FakeClock().now())
    assert send(client, account) == SENT_MESSAGE
    assert len(other.asked) == 1


def test_an_answer_that_never_came_leaves_the_outcome_unknown(table: Table, new_owner: NewOwner, client: OwnerClient) -> None:
    """The request was read: nobody else is asked, since it may have been done."""
    owner, other = new_owner(), new_owner()
    owner.respond = lambda command, body: None
    error = refusal(client, account_of(owner.worker, table))
    assert (error.code, len(owner.asked), other.asked) == (Code.OUTCOME_UNKNOWN, 1, [])


def test_a_deadline_that_passes_leaves_the_outcome_unknown(table: Table, new_owner: NewOwner, client: OwnerClient) -> None:
    """As a connection that breaks."""
    owner = new_owner()
    account = account_of(owner.worker, table)
    assert send(client, account) == SENT_MESSAGE  # there is a connection: only the answer is waited for
    owner.respond = lambda command, body: {"waited": owner.silent.wait(10)}
    client._deadline_s = 0.2
    error = refusal(client, account)
    owner.silent.set()
    assert error.code is Code.OUTCOME_UNKNOWN


def test_who_shows_another_certificate_is_told_nothing(table: Table, new_owner: NewOwner, client: OwnerClient) -> None:
    """The address is another process's by now: not a byte of the request reaches it, so nothing happened."""
    impostor = new_owner(certificate=certificate_for("impostor"))
    error = refusal(client, account_of(impostor.worker, table))
    assert (error.code, impostor.asked) == (Code.UNAVAILABLE, [])


def test_without_any_live_worker_the_account_is_unavailable(table: Table, client: OwnerClient) -> None:
    """And the caller may come back."""
    assert refusal(client, None).code is Code.UNAVAILABLE


@pytest.mark.parametrize(
    "said", [{"error": "flood_wait", "detail": "Wait.", "retry_after_seconds": 7}, {"error": "2fa_required", "detail": "d", "hint": "h"}]
)
def test_what_the_owner_raises_is_raised_here(table: Table, new_owner: NewOwner, client: OwnerClient, said: dict[str, Any]) -> None:
    """Code, sentence, time and fields."""
    owner = new_owner()
    owner.respond = lambda command, body: said
    assert refusal(client, account_of(owner.worker, table)).to_json() == said


def test_an_error_of_a_newer_worker_is_an_internal_error(table: Table, new_owner: NewOwner, client: OwnerClient) -> None:
    """A code that this side does not know is not passed on as if it were stable."""
    owner = new_owner()
    owner.respond = lambda command, body: {"error": "brand_new"}
    assert refusal(client, account_of(owner.worker, table)).code is Code.INTERNAL_ERROR


def test_owners_are_kept_in_a_bounded_number(table: Table, new_owner: NewOwner, client: OwnerClient) -> None:
    """A warm function that met many workers keeps connections to the last sixteen."""
    for _ in range(18):
        assert send(client, Account(tenant_id=TenantId(TENANT), channel=Channel.TELEGRAM, owner=new_owner().worker.id)) == SENT_MESSAGE
    assert len(client._pools) == 16
