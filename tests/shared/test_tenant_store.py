"""Tenants, their numbers, their keys; erasing them, also from the middle."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared.model.account import Wanted
from shared.model.ids import NOBODY, Channel, Epoch, WorkerId
from shared.model.tenant import Cause, Tenant
from shared.store import erasure, keys
from shared.store.accounts import AccountStore
from shared.store.fenced import FencedStore
from shared.store.peers import Peer, PeerStore
from shared.store.table import Table
from shared.store.tenants import TenantStore, new_tenant_id
from shared.store.tokens import TokenDigests, TokenStore
from tests.support.clock import FakeClock

CHANNEL = Channel.TELEGRAM


@pytest.fixture
def tenants(table: Table) -> TenantStore:
    """Tenants."""
    return TenantStore(table)


def new(tenants: TenantStore, clock: FakeClock, **fields: Any) -> Tenant:
    """Create a tenant."""
    tenant, _ = tenants.create("Shop", fields.get("callback_url"), clock.now(), fields.get("signing"), new_tenant_id())
    return tenant


def everything(table: Table) -> list[tuple[str, str]]:
    """Return the keys of all that the table holds."""
    items = table.client.scan(TableName=table.name, ConsistentRead=True)["Items"]
    return sorted((item["pk"]["S"], item["sk"]["S"]) for item in items)


def test_a_tenant_is_read_as_it_was_created(tenants: TenantStore, clock: FakeClock) -> None:
    """By its id; and its number leads to the id."""
    tenant = new(tenants, clock, callback_url="https://shop.example/", signing=(b"wrapped", b"sealed"))
    assert tenants.get(tenant.id) == tenant
    assert tenants.id_of(tenant.number) == tenant.id
    assert (tenant.callback_since, tenant.signing_key, tenant.signing_secret) == (clock.now(), b"wrapped", b"sealed")


def test_tenants_created_at_once_get_numbers_of_their_own(tenants: TenantStore, clock: FakeClock) -> None:
    """None twice, none left out."""
    with ThreadPoolExecutor(8) as pool:
        created = list(pool.map(lambda _: new(tenants, clock), range(16)))
    assert sorted(tenant.number for tenant in created) == list(range(1, 17))
    assert [tenant.number for tenant in tenants.page(0, 100)[0]] == list(range(1, 17))


def test_a_number_given_by_hand_is_passed_over(tenants: TenantStore, table: Table, clock: FakeClock) -> None:
    """Whoever has it keeps it."""
    given = new_tenant_id()
    table.put({**keys.directory(2), "tenant_id": given})
    assert [new(tenants, clock).number for _ in range(2)] == [1, 3]
    assert tenants.id_of(2) == given


def test_pages_follow_each_other_without_gap_or_repeat(tenants: TenantStore, table: Table, clock: FakeClock) -> None:
    """Over the directory's shards too."""
    table.put({**keys.tenant_counter(), "last": keys.TENANTS_PER_SHARD - 3})
    numbers = [new(tenants, clock).number for _ in range(6)]
    seen, after = [], 0
    while True:
        page, following = tenants.page(after, 2)
        seen += [tenant.number for tenant in page]
        if following is None:
            break
        after = following
    assert seen == numbers


def test_a_page_leaves_out_tenants_that_are_being_deleted(tenants: TenantStore, clock: FakeClock) -> None:
    """And goes on behind them."""
    first, second, third = (new(tenants, clock) for _ in range(3))
    tenants.mark_deleting(second.id)
    page, following = tenants.page(0, 2)
    assert ([tenant.id for tenant in page], following) == ([first.id], second.number)
    assert [tenant.id for tenant in tenants.page(second.number, 2)[0]] == [third.id]


def test_a_tenant_comes_with_its_key_and_its_account_in_one_read(tenants: TenantStore, table: Table, clock: FakeClock) -> None:
    """Each is None where it is not there."""
    tenant = new(tenants, clock)
    AccountStore(table).claim(tenant.id, CHANNEL, None, WorkerId("w"), "t")
    key_id = next(sk.removeprefix("KEY#") for pk, sk in everything(table) if sk.startswith("KEY#"))
    found, key, account = tenants.with_account(tenant.id, CHANNEL, key_id)
    assert found == tenant
    assert key
    assert account
    assert (key.id, account.owner) == (key_id, "w")
    assert tenants.with_account(new_tenant_id(), CHANNEL, key_id) == (None, None, None)


def test_a_change_is_not_made_to_what_is_gone(tenants: TenantStore, clock: FakeClock) -> None:
    """Neither to a tenant that never was nor to one that is being deleted."""
    tenant = new(tenants, clock)
    tenants.mark_deleting(tenant.id)
    assert tenants.change(tenant.id, {"name": "Store"}) is None
    assert tenants.change(new_tenant_id(), {"name": "Store"}) is None
    assert not tenants.mark_deleting(new_tenant_id())


def test_only_the_callback_that_failed_is_disabled(tenants: TenantStore, clock: FakeClock) -> None:
    """One set meanwhile is another."""
    tenant = new(tenants, clock, callback_url="https://shop.example/new")
    old = tenant.model_copy(update={"callback_url": "https://shop.example/old"})
    assert not tenants.disable_callback(old, Cause.GONE, "gone", clock.now())
    assert tenants.get(tenant.id) == tenant
    assert tenants.disable_callback(tenant, Cause.GONE, "gone", clock.now())
    disabled = tenants.get(tenant.id)
    assert disabled
    assert disabled.callback_disabled == "gone"
    assert not tenants.disable_callback(tenant.model_copy(update={"id": new_tenant_id()}), Cause.GONE, "gone", clock.now())


def full(tenants: TenantStore, table: Table, clock: FakeClock) -> Tenant:
    """Create a tenant that has everything, and is to be erased."""
    tenant = new(tenants, clock)
    AccountStore(table).claim(tenant.id, CHANNEL, None, WorkerId("w"), "t")
    for key in (keys.session(tenant.id, CHANNEL), keys.marks(tenant.id, CHANNEL)):
        FencedStore(table).load(key, Epoch(1))
    for number in range(3):
        PeerStore(table).put(tenant.id, CHANNEL, Peer(id=-number, kind="chat"))
    tenants.mark_deleting(tenant.id)
    AccountStore(table).want(tenant.id, CHANNEL, Wanted.ERASE, clock.now())
    return tenant


def test_erasing_leaves_nothing_of_a_tenant_and_all_of_its_neighbour(tenants: TenantStore, table: Table, clock: FakeClock) -> None:
    """The counter goes on: a number is not given twice."""
    neighbour = new(tenants, clock)
    before = everything(table)
    gone = full(tenants, table, clock)
    erasure.erase(table, gone.id)
    assert everything(table) == before
    erasure.erase(table, gone.id)
    assert everything(table) == before
    assert tenants.get(neighbour.id) == neighbour
    assert new(tenants, clock).number == gone.number + 1


class DyingTable(Table):
    """A table whose user dies after so many deletions."""

    def __init__(self, table: Table, deletions: int) -> None:
        super().__init__(table.client, table.name)
        self._left = deletions

    def delete(self, *given: Any, **named: Any) -> None:
        """Delete, or die."""
        if self._left == 0:
            raise KeyboardInterrupt
        self._left -= 1
        super().delete(*given, **named)


@pytest.mark.parametrize("deletions", range(9))
def test_an_erasing_that_died_is_found_and_finished(tenants: TenantStore, table: Table, clock: FakeClock, deletions: int) -> None:
    """Wherever it died: until nothing is left the account's row says what is wanted, and the doors are shut."""
    tenant = full(tenants, table, clock)
    with pytest.raises(KeyboardInterrupt):
        erasure.erase(DyingTable(table, deletions), tenant.id)
    left = AccountStore(table).get(tenant.id, CHANNEL)
    assert left
    assert left.wanted is Wanted.ERASE
    assert [owned.key for owned in AccountStore(table).owned_by(WorkerId("w"))] == [(tenant.id, CHANNEL)]
    assert tenants.get(tenant.id) is None
    erasure.erase(table, tenant.id)
    assert everything(table) == [("COUNTER", "TENANTS")]


def test_a_tenant_without_an_account_that_was_half_erased_is_found_too(tenants: TenantStore, table: Table, clock: FakeClock) -> None:
    """The wish made a row for it, which lies with nobody's."""
    tenant = new(tenants, clock)
    tenants.mark_deleting(tenant.id)
    AccountStore(table).want(tenant.id, CHANNEL, Wanted.ERASE, clock.now())
    with pytest.raises(KeyboardInterrupt):
        erasure.erase(DyingTable(table, 2), tenant.id)
    assert [owned.key for owned in AccountStore(table).owned_by(NOBODY)] == [(tenant.id, CHANNEL)]


def test_tokens_are_read_as_they_were_written(table: Table) -> None:
    """None before the first were written; what is not set is None."""
    store = TokenStore(table)
    assert store.get() == TokenDigests()
    store.put(TokenDigests(admin="a", wa_web="b"))
    assert store.get() == TokenDigests(admin="a", wa_web="b")
