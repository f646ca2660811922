"""Records: ids, keys, states, and what they refuse."""

from __future__ import annotations

import base64
import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from shared.model.account import Account, AccountState, Wanted
from shared.model.event import Message, event_id, read_event
from shared.model.ids import Channel, TenantId, WorkerId
from shared.model.tenant import TenantKey, digest, new_key, new_signing_secret, parse_key
from shared.model.worker import Worker, WorkerState
from shared.store.accounts import AccountStore
from shared.store.tenants import TenantStore
from shared.store.workers import WorkerStore
from testing.fake_aws.dynamodb import FakeDynamoDb
from tests.support.clock import FakeClock
from tests.support.events import TENANT, event_of
from tests.support.fake_stores import fake_table

INTEGERS = st.integers(-(1 << 63), (1 << 63) - 1)
HAPPENING = st.tuples(st.sampled_from(Channel), INTEGERS, INTEGERS, INTEGERS, st.sampled_from(["message", "edit"]), st.text(max_size=8))


@given(HAPPENING)
def test_the_same_happening_has_the_same_id(happening: tuple[Channel, int, int, int, str, str]) -> None:
    """Whoever sees it and however often; in characters that every queue and header takes."""
    assert event_id(*happening) == event_id(*happening)
    assert re.fullmatch(r"evt_[0-9a-f]{32}", event_id(*happening))


@given(HAPPENING, HAPPENING)
def test_different_happenings_have_different_ids(
    one: tuple[Channel, int, int, int, str, str], other: tuple[Channel, int, int, int, str, str]
) -> None:
    """Another account, chat, message, kind or version."""
    assert (event_id(*one) == event_id(*other)) == (one == other)


def test_an_events_id_does_not_change_between_versions() -> None:
    """Receivers remember ids: a new version of ours must not give an old message a new one."""
    assert event_id(Channel.TELEGRAM, 5, -100123, 7, "message") == "evt_a75670bcc394971bebac2f148daf7e67"


@given(st.uuids(version=4))
def test_a_key_names_its_tenant_and_itself(tenant: uuid.UUID) -> None:
    """One read finds both by the key alone."""
    key_id, key = new_key(TenantId(str(tenant)))
    assert parse_key(key.get_secret_value()) == (str(tenant), key_id)


@given(st.text() | st.text(alphabet="avio_0123456789abcdef"))
def test_any_text_is_a_key_or_none(text: str) -> None:
    """What people send as a key is never a fault."""
    found = parse_key(text)
    assert found is None or text.startswith("avio_")


def test_a_stored_key_opens_to_the_key_it_was_made_of() -> None:
    """And to no other; what is stored is not the key."""
    key_id, key = new_key(TENANT)
    _, other = new_key(TENANT)
    stored = TenantKey(id=key_id, scopes=frozenset(), digest=digest(key.get_secret_value()), created_at=FakeClock().now())
    assert stored.opens(key.get_secret_value())
    assert not stored.opens(other.get_secret_value())
    assert key.get_secret_value() not in stored.model_dump_json()


def test_signing_secrets_are_of_the_standard_form() -> None:
    """`whsec_` and 32 bytes in base64."""
    secret = new_signing_secret().get_secret_value()
    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
    assert secret != new_signing_secret().get_secret_value()


@pytest.mark.parametrize("state", AccountState)
@pytest.mark.parametrize("wanted", [None, *Wanted])
def test_what_is_to_be_logged_out_counts_as_logging_out(state: AccountState, wanted: Wanted | None) -> None:
    """From the moment it is wanted, unless it is done."""
    account = Account(tenant_id=TENANT, channel=Channel.TELEGRAM, state=state, wanted=wanted)
    if account.left_alone:
        assert account.standing is AccountState.UNKNOWN
        return
    expected = AccountState.LOGGING_OUT if wanted and state is not AccountState.LOGGED_OUT else state
    assert account.standing is expected
    assert not (wanted and account.standing.logged_in)


def test_records_do_not_change() -> None:
    """A changed record is another record."""
    with pytest.raises(ValidationError):
        event_of().message.text = "other"  # type: ignore[misc]


@pytest.mark.parametrize("change", [{"unknown": 1}, {"chat_id": None}, {"text": None}, {"chat_type": "other"}])
def test_records_refuse_what_our_own_code_does_not_write(change: dict[str, object]) -> None:
    """And do not quote it: an error goes to the log."""
    with pytest.raises(ValidationError) as refused:
        Message.model_validate({**event_of().message.model_dump(), **change})
    assert "message 1" not in str(refused.value)


def test_rows_that_a_later_version_has_written_are_read() -> None:
    """While a deployment lasts both versions look at them."""
    dynamodb = FakeDynamoDb()
    table = fake_table(dynamodb)
    tenants, accounts, workers = TenantStore(table), AccountStore(table), WorkerStore(table)
    tenant, _ = tenants.create("Shop", None, FakeClock().now(), None, TENANT)
    accounts.want(TENANT, Channel.TELEGRAM, Wanted.LOG_OUT, FakeClock().now())
    accounts.claim(TENANT, Channel.TELEGRAM, None, WorkerId("one"), "token")
    workers.register(Worker(id=WorkerId("one"), state=WorkerState.LIVE, beat=1, address="a", certificate="c", rpc_key=SecretStr("k")))
    before = tenants.get(TENANT), accounts.get(TENANT, Channel.TELEGRAM), workers.get(WorkerId("one"))
    for pk, sk in dynamodb.addresses():
        table.update({"pk": pk, "sk": sk}, "SET of_a_later_version = :one", {":one": 1})
    assert before[0] == tenant
    assert None not in before
    assert (tenants.get(TENANT), accounts.get(TENANT, Channel.TELEGRAM), workers.get(WorkerId("one"))) == before


def test_an_event_is_ordered_within_its_chat_of_its_account() -> None:
    """Other chats, accounts and channels are other groups."""
    groups = {event.group for event in (event_of(), event_of(chat_id=78), event_of(TenantId("t2")), event_of(message_id=2))}
    assert len(groups) == 3


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])), INTEGERS)
def test_events_come_back_from_json_as_they_were(text: str, chat_id: int) -> None:
    """Whatever people write."""
    event = event_of(text=text, chat_id=chat_id)
    assert read_event(event.model_dump_json(exclude_none=True, ensure_ascii=True)) == event


def test_an_event_without_a_sender_comes_back_from_json() -> None:
    """What a broadcast channel posts has none, and what is none is left out of the queue's body."""
    event = event_of(sender_id=None, chat_id=-1001)
    assert read_event(event.model_dump_json(exclude_none=True)) == event
