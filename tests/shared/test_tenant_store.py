"""Tenants, their numbers, their keys; erasing them, also from the middle."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from shared.model.account import Wanted
from shared.model.ids import NOBODY, Channel, Epoch, TenantId, WorkerId
from shared.model.tenant import Cause, Scope, Tenant
from shared.store import erasure, keys
from shared.store.accounts import AccountStore, TenantGone
from shared.store.fenced import FencedStore, Superseded
from shared.store.peers import Peer, PeerStore
from shared.store.table import StoreUnavailable, Table
from shared.store.tenants import MOST_KEYS, TenantStore, TooManyKeys, new_tenant_id
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
    tenants.end(second.id, (), clock.now())
    page, following = tenants.page(0, 2)
    assert ([tenant.id for tenant in page], following) == ([first.id], second.number)
    assert [tenant.id for tenant in tenants.page(second.number, 2)[0]] == [third.id]


def test_a_tenant_comes_with_its_key_and_its_account_in_one_read(tenants: TenantStore, table: Table, clock: FakeClock) -> None:
    """Each is None where it is not there."""
    tenant = new(tenants, clock)
    AccountStore(table).claim(tenant.id, CHANNEL, None, WorkerId("w"), "t")
    key_id = next(sk.removeprefix("KEY#") for pk, sk in everything(table) if sk.startswith("KEY#"))
    found, key, account, _ = tenants.with_account(tenant.id, CHANNEL, key_id)
    assert found == tenant
    assert key
    assert account
    assert (key.id, account.owner) == (key_id, "w")
    assert tenants.with_account(new_tenant_id(), CHANNEL, key_id) == (None, None, None, {})


def test_a_change_is_not_made_to_what_is_gone(tenants: TenantStore, clock: FakeClock) -> None:
    """Neither to a tenant that never was nor to one that is being deleted."""
    tenant = new(tenants, clock)
    tenants.end(tenant.id, (), clock.now())
    assert tenants.change(tenant.id, {"name": "Store"}) is None
    assert tenants.change(new_tenant_id(), {"name": "Store"}) is None
    assert not tenants.end(new_tenant_id(), (), clock.now())


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


def full(tenants: TenantStore, table: Table, clock: FakeClock, channels: Iterable[Channel] = (CHANNEL,)) -> Tenant:
    """Create a tenant that has everything, and is to be erased."""
    tenant = new(tenants, clock)
    for channel in channels:
        AccountStore(table).claim(tenant.id, channel, None, WorkerId("w"), "t")
        for key in (keys.session(tenant.id, channel), keys.update_state(tenant.id, channel)):
            FencedStore(table).load(key, Epoch(1))
        for number in range(3):
            PeerStore(table).put(tenant.id, channel, Peer(id=-number, kind="chat"))
    tenants.end(tenant.id, channels, clock.now())
    return tenant


def test_erasing_leaves_nothing_of_a_tenant_and_all_of_its_neighbour(tenants: TenantStore, table: Table, clock: FakeClock) -> None:
    """The counter goes on: a number is not given twice."""
    neighbour = new(tenants, clock)
    before = everything(table)
    gone = full(tenants, table, clock)
    for _ in range(2):
        assert erasure.erase_account(table, gone.id, CHANNEL, Epoch(1))
        assert [key for key in everything(table) if key[0] != keys.ENDED] == before
    assert tenants.get(neighbour.id) == neighbour
    assert new(tenants, clock).number == gone.number + 1


class TableThatStopsDeleting(Table):
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

    def delete_many(self, items: Iterable[Mapping[str, str]]) -> None:
        """Delete one by one, or die: DynamoDB takes a request of several in any order."""
        for item in items:
            self.delete({"pk": item["pk"], "sk": item["sk"]})


@pytest.mark.parametrize("deletions", range(9))
def test_an_erasing_that_died_is_found_and_finished(tenants: TenantStore, table: Table, clock: FakeClock, deletions: int) -> None:
    """Wherever it died: until nothing is left the account's row says what is wanted, and the doors are shut."""
    tenant = full(tenants, table, clock)
    with pytest.raises(KeyboardInterrupt):
        erasure.erase_account(TableThatStopsDeleting(table, deletions), tenant.id, CHANNEL, Epoch(1))
    left = AccountStore(table).get(tenant.id, CHANNEL)
    assert left
    assert left.wanted is Wanted.ERASE
    assert [owned.key for owned in AccountStore(table).owned_by(WorkerId("w"))] == [(tenant.id, CHANNEL)]
    assert tenants.get(tenant.id) is None
    assert erasure.erase_account(table, tenant.id, CHANNEL, Epoch(1))
    assert [pk for pk, _ in everything(table)] == ["COUNTER", keys.ENDED]


def test_a_tenant_without_an_account_that_was_half_erased_is_found_too(tenants: TenantStore, table: Table, clock: FakeClock) -> None:
    """The wish made a row for it, which lies with nobody's."""
    tenant = new(tenants, clock)
    tenants.end(tenant.id, (CHANNEL,), clock.now())
    with pytest.raises(KeyboardInterrupt):
        erasure.erase(TableThatStopsDeleting(table, 2), tenant.id)
    assert [owned.key for owned in AccountStore(table).owned_by(NOBODY)] == [(tenant.id, CHANNEL)]


def test_an_erasing_that_died_does_not_take_a_later_tenants_number(tenants: TenantStore, table: Table, clock: FakeClock) -> None:
    """It had freed the number, which another tenant has by now."""
    tenants.create_numbered(77_777, "Old", clock.now())
    old = tenants.id_of(77_777)
    assert old
    tenants.end(old, (), clock.now())
    table.delete(keys.directory(77_777))
    tenants.create_numbered(77_777, "New", clock.now())
    new = tenants.id_of(77_777)
    assert erasure.erase(table, old)
    assert tenants.id_of(77_777) == new != old


def test_an_account_goes_alone_while_another_is_left(tenants: TenantStore, table: Table, clock: FakeClock) -> None:
    """What is not the account's own stays for the last account. Each erasing may run twice."""
    tenant = full(tenants, table, clock, Channel)
    whole = [sk for pk, sk in everything(table) if tenant.id in pk]
    for _ in range(2):
        assert erasure.erase_account(table, tenant.id, CHANNEL, Epoch(1))
        assert [sk for pk, sk in everything(table) if tenant.id in pk] == [sk for sk in whole if CHANNEL not in sk]
    assert not erasure.erase(table, tenant.id)
    for _ in range(2):
        assert erasure.erase_account(table, tenant.id, Channel.WHATSAPP, Epoch(1))
        assert [pk for pk, _ in everything(table)] == ["COUNTER", keys.ENDED]


def test_of_two_accounts_that_go_at_once_the_last_takes_the_tenant_with_it(tenants: TenantStore, table: Table, clock: FakeClock) -> None:
    """Whichever that is: the transactions see each other."""
    with ThreadPoolExecutor(2) as pool:
        for _ in range(10):
            tenant = full(tenants, table, clock, Channel)
            going = [pool.submit(erasure.erase_account, table, tenant.id, channel, Epoch(1)) for channel in Channel]
            assert all(one.result() for one in going)
            assert not [sk for pk, sk in everything(table) if tenant.id in pk or pk.startswith("TENANTS#")]


def test_an_end_that_is_repeated_writes_nothing(tenants: TenantStore, table: Table, clock: FakeClock) -> None:
    """The time in which an account is logged out does not begin anew, and no row comes back of an account that is gone already."""
    tenant = full(tenants, table, clock, Channel)
    assert erasure.erase_account(table, tenant.id, CHANNEL, Epoch(1))
    before = everything(table), AccountStore(table).get(tenant.id, Channel.WHATSAPP)
    clock.advance(60)
    assert tenants.end(tenant.id, Channel, clock.now())
    assert (everything(table), AccountStore(table).get(tenant.id, Channel.WHATSAPP)) == before


def test_tokens_are_read_as_they_were_written(table: Table) -> None:
    """None before the first were written; what is not set is None."""
    store = TokenStore(table)
    assert store.get() == TokenDigests()
    store.put(TokenDigests(admin="a", wa_web="b"))
    assert store.get() == TokenDigests(admin="a", wa_web="b")


def test_what_another_has_claimed_since_is_left_to_it(tenants: TenantStore, table: Table, clock: FakeClock) -> None:
    """Its account's row stays: by that row its owner, and whoever comes after, knows what is left to do."""
    tenant = full(tenants, table, clock)
    accounts = AccountStore(table)
    accounts.claim(tenant.id, CHANNEL, accounts.get(tenant.id, CHANNEL), WorkerId("other"), "t2")
    assert not erasure.erase_account(table, tenant.id, CHANNEL, Epoch(1))
    left = accounts.get(tenant.id, CHANNEL)
    assert left
    assert (left.owner, left.wanted) == ("other", Wanted.ERASE)
    assert erasure.erase_account(table, tenant.id, CHANNEL, Epoch(2))


def test_nothing_of_an_erased_tenant_comes_back(tenants: TenantStore, table: Table, clock: FakeClock) -> None:
    """A claim, a load and a key that come late find no tenant and no account to hang on."""
    tenant = full(tenants, table, clock)
    accounts, fenced = AccountStore(table), FencedStore(table)
    with pytest.raises(TenantGone):  # an account of a channel that it has none on: its doors are shut before it is erased
        accounts.claim(tenant.id, Channel.WHATSAPP, None, WorkerId("late"), "t")
    erasure.erase_account(table, tenant.id, CHANNEL, Epoch(1))
    before = everything(table)
    with pytest.raises(TenantGone):
        accounts.claim(tenant.id, CHANNEL, None, WorkerId("late"), "t")
    for key in (keys.session(tenant.id, CHANNEL), keys.update_state(tenant.id, CHANNEL)):
        with pytest.raises(Superseded):
            fenced.load(key, Epoch(1))
    assert tenants.add_key(tenant.id, frozenset({Scope.READ}), None, clock.now()) is None
    assert not tenants.end(tenant.id, (CHANNEL,), clock.now())
    assert accounts.want(tenant.id, CHANNEL, Wanted.LOG_OUT, clock.now()) is None
    assert everything(table) == before


def test_an_end_and_a_first_claim_at_once_leave_an_account_that_is_to_be_erased_or_none(
    tenants: TenantStore, table: Table, clock: FakeClock
) -> None:
    """Whichever comes first: no account is there that nobody is told to erase."""
    accounts = AccountStore(table)

    def claim(tenant_id: TenantId) -> None:
        with contextlib.suppress(TenantGone):
            accounts.claim(tenant_id, CHANNEL, None, WorkerId("w"), "t")

    with ThreadPoolExecutor(2) as pool:
        for _ in range(20):
            tenant = new(tenants, clock)
            claiming = pool.submit(claim, tenant.id)
            pool.submit(tenants.end, tenant.id, (CHANNEL,), clock.now()).result()
            claiming.result()
            left = accounts.get(tenant.id, CHANNEL)
            assert left
            assert left.wanted is Wanted.ERASE


def test_ended_tenants_are_looked_at_when_they_are_due(tenants: TenantStore, clock: FakeClock) -> None:
    """The longest due first; put off, then forgotten."""
    first, second = new(tenants, clock), new(tenants, clock)
    tenants.end(first.id, (), clock.now())
    clock.advance(1)
    tenants.end(second.id, (), clock.now())
    due = list(tenants.ended(clock.now()))
    assert [ended.tenant_id for ended in due] == [first.id, second.id]
    tenants.look_later(due[0], clock.now() + timedelta(seconds=60))
    assert [ended.tenant_id for ended in tenants.ended(clock.now())] == [second.id]
    tenants.forget(due[1])
    clock.advance(60)
    [again] = tenants.ended(clock.now())
    assert (again.tenant_id, again.ended_at) == (first.id, due[0].ended_at)


def test_many_keys_at_once_do_not_pass_the_bound(tenants: TenantStore, table: Table, clock: FakeClock) -> None:
    """Nor in a row that an earlier version wrote, which does not say how many there are. A key that is taken away makes room."""
    tenant = new(tenants, clock)
    for _ in range(MOST_KEYS - 3):
        tenants.add_key(tenant.id, frozenset({Scope.READ}), None, clock.now())
    table.update(keys.tenant(tenant.id), "REMOVE key_count", {})

    def add(_: int) -> bool:
        try:
            return tenants.add_key(tenant.id, frozenset({Scope.READ}), None, clock.now()) is not None
        except (TooManyKeys, StoreUnavailable):
            return False

    with ThreadPoolExecutor(8) as pool:
        added = sum(pool.map(add, range(24)))
    assert 1 <= added <= 2
    while len(tenants.keys_of(tenant.id)) < MOST_KEYS:
        assert tenants.add_key(tenant.id, frozenset({Scope.READ}), None, clock.now())
    with pytest.raises(TooManyKeys):
        tenants.add_key(tenant.id, frozenset({Scope.READ}), None, clock.now())
    assert tenants.remove_key(tenant.id, tenants.keys_of(tenant.id)[0].id)
    assert tenants.add_key(tenant.id, frozenset({Scope.READ}), None, clock.now())
