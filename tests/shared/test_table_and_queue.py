"""DynamoDB and SQS in the words that the stores use."""

from __future__ import annotations

import re
from typing import Any

import boto3
import pytest
from boto3.dynamodb.types import TypeSerializer
from botocore.config import Config
from hypothesis import given
from hypothesis import strategies as st

from local.emulator_account import EmulatorAccount
from shared.model.event import Event
from shared.queues import body_of, parse
from shared.store.attribute_values import from_wire, to_wire
from shared.store.table import ConditionFailed, StoreUnavailable, Table
from tests.support.events import event_of

VALUES = st.recursive(
    st.booleans() | st.integers(-(10**37), 10**37) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(min_size=1), VALUES | st.none() | st.frozensets(st.text(min_size=1)), max_size=5))
def test_items_come_back_from_the_wire_as_they_were(item: dict[str, Any]) -> None:
    """Numbers as int, binaries as bytes; None and empty sets are not stored."""
    assert from_wire(to_wire(item)) == {name: value for name, value in item.items() if value is not None and value != frozenset()}


@given(st.dictionaries(st.text(min_size=1), VALUES | st.frozensets(st.text(min_size=1), min_size=1), max_size=5))
def test_values_are_written_as_boto3_writes_them(item: dict[str, Any]) -> None:
    """And read from what boto3 writes."""
    theirs = {name: TypeSerializer().serialize(value) for name, value in item.items()}
    assert _sorted(to_wire(item)) == _sorted(theirs)
    assert from_wire(theirs) == item


def _sorted(wired: dict[str, Any]) -> dict[str, Any]:
    return {name: {"SS": sorted(value["SS"])} if "SS" in value else value for name, value in wired.items()}


@pytest.mark.parametrize("value", [0.5, {1, "x"}, frozenset({None}), {"a": frozenset()}], ids=["float", "mixed", "nothing", "empty"])
def test_what_dynamodb_does_not_store_is_refused(value: Any) -> None:
    """A float may not come back as it was."""
    with pytest.raises(TypeError):
        to_wire({"value": value})


def test_a_failed_condition_shows_what_lay_there(table: Table) -> None:
    """So that the loser can tell its own work from another's."""
    key = {"pk": "p", "sk": "s"}
    table.put({**key, "owner": "one"})
    with pytest.raises(ConditionFailed) as put:
        table.put({**key, "owner": "two"}, "attribute_not_exists(pk)")
    with pytest.raises(ConditionFailed) as updated:
        table.update(key, "SET epoch = :one", {":one": 1}, "attribute_exists(epoch)")
    with pytest.raises(ConditionFailed) as deleted:
        table.delete(key, "epoch = :one", {":one": 1})
    assert [failed.value.item for failed in (put, updated, deleted)] == [{**key, "owner": "one"}] * 3


def test_items_are_written_all_or_none(table: Table) -> None:
    """One failed condition leaves all of it undone."""
    table.put({"pk": "p", "sk": "2"})
    with pytest.raises(ConditionFailed):
        table.put_all([{"pk": "p", "sk": "1"}, {"pk": "p", "sk": "2"}], "attribute_not_exists(pk)")
    assert table.get({"pk": "p", "sk": "1"}) is None


def test_many_items_are_read_at_once_each_once(table: Table) -> None:
    """A key asked for twice, or not there, is no fault; nothing asked for is nothing read."""
    table.put({"pk": "p", "sk": "1"})
    found = table.get_many([{"pk": "p", "sk": "1"}, {"pk": "p", "sk": "2"}, {"pk": "p", "sk": "1"}])
    assert found == {("p", "1"): {"pk": "p", "sk": "1"}}
    assert table.get_many([]) == {}


def test_a_query_goes_on_over_pages(table: Table) -> None:
    """A megabyte is not the end."""
    for number in range(5):
        table.put({"pk": "p", "sk": str(number), "large": "x" * 300_000})
    rows = table.query("pk = :pk", {":pk": "p"})
    assert [row["sk"] for row in rows] == ["0", "1", "2", "3", "4"]


def test_a_table_that_does_not_answer_is_unavailable(account: EmulatorAccount) -> None:
    """Neither its refusals nor its silence is a failed condition."""
    with pytest.raises(StoreUnavailable):
        Table(account.client("dynamodb"), "no-such-table").get({"pk": "p", "sk": "s"})
    silent = Config(connect_timeout=0.2, retries={"total_max_attempts": 1})
    nowhere = boto3.client(
        "dynamodb",
        endpoint_url="http://127.0.0.1:9",
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=silent,
    )
    with pytest.raises(StoreUnavailable):
        Table(nowhere, "avio").put({"pk": "p", "sk": "s"})


# the queue


def received(account: EmulatorAccount) -> list[dict[str, Any]]:
    """Take what is visible in the queue."""
    answer = account.client("sqs").receive_message(
        QueueUrl=account.events_queue_url, MaxNumberOfMessages=10, AttributeNames=["All"], MessageAttributeNames=["All"]
    )
    messages: list[dict[str, Any]] = answer.get("Messages", [])
    return messages


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_no_text_makes_a_message_that_sqs_refuses(text: str) -> None:
    """SQS takes XML's characters only, and U+FFFE is none of them: bodies are ASCII."""
    event = event_of(text=text, sender_name=text)
    body = body_of(event)
    assert re.fullmatch(r"[\x20-\x7f]*", body)
    assert parse(body) == event


def test_an_event_of_an_older_writer_is_readable() -> None:
    """What a body leaves out has its default."""
    body = event_of().model_dump_json(exclude_none=True, exclude={"backfilled", "event"})
    assert isinstance(parse(body), Event)
