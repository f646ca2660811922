"""Requests to DynamoDB, each with the same answer of the fake and of the emulator."""

from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shared.store import keys
from shared.store.attribute_values import to_wire
from shared.store.table import ConditionCheck, ConditionFailed, Delete, Put, Table, Update, Write
from tests.support.aws_variants import AwsVariant

KEY = {"pk": "p", "sk": "1"}
ITEM = {**KEY, "one": 1, "two": 2, "words": "texts", "bits": b"\x00\xff", "set": frozenset({"a", "b"}), "list": [1, {"deep": "x"}]}
VALUES = {":one": 1, ":two": 2, ":te": "te", ":a": "a"}


@pytest.fixture
def table(variant: AwsVariant) -> Table:
    """The state table of each side, with one item."""
    variant.table.put(ITEM)
    return variant.table


def used(values: dict[str, Any], *expressions: str) -> dict[str, Any]:
    """Return the values that expressions use."""
    found = {word for expression in expressions for word in re.findall(r":\w+", expression)}
    return {name: value for name, value in values.items() if name in found}


def refusal(variant: AwsVariant, operation: str, **request: Any) -> str:
    """Return the code with which a request is refused."""
    with pytest.raises(ClientError) as refused:
        getattr(variant.dynamodb, operation)(**request)
    return str(refused.value.response["Error"]["Code"])


@pytest.mark.parametrize(
    ("condition", "held"),
    [
        ("one = :one AND two < :two", False),
        ("one = :two OR (two = :two AND NOT one = :two)", True),
        ("one = :one OR one = :two AND two = :one", True),
        ("one <> :one", False),
        ("absent <> :one", True),
        ("absent = :one", False),
        ("NOT absent = :one", True),
        ("absent < :one", False),
        ("words < :one", False),
        ("words = :one", False),
        ("words <> :one", True),
        ("two BETWEEN :one AND :two", True),
        ("one IN (:two, :one)", True),
        ("absent IN (:two, :one)", False),
        ("attribute_exists(one) AND attribute_not_exists(absent)", True),
        ("begins_with(words, :te)", True),
        ("begins_with(absent, :te)", False),
        ("contains(words, :te)", True),
        ("contains(#set, :a)", True),
        ("contains(#list, :one)", True),
        ("contains(absent, :a)", False),
        ("two >= :two AND two <= :two AND two > :one", True),
    ],
)
def test_conditions_hold_for_the_same_items(table: Table, condition: str, held: bool) -> None:
    """AND binds closer than OR; an attribute that is not there equals nothing, and values of two types do not compare."""
    names = {f"#{name}": name for name in ("set", "list") if f"#{name}" in condition}
    update = KEY, "SET checked = :checked", {**used(VALUES, condition), ":checked": True}, condition, names
    if held:
        assert table.update(*update) == {**ITEM, "checked": True}
        return
    with pytest.raises(ConditionFailed) as failed:
        table.update(*update)
    assert failed.value.item == ITEM


@pytest.mark.parametrize(
    ("update", "changes"),
    [
        ("SET one = if_not_exists(one, :two), extra = if_not_exists(absent, :two)", {"extra": 2}),
        ("SET one = two + :one, two = one", {"one": 3, "two": 1}),
        ("SET one = two - :two", {"one": 0}),
        ("SET one = if_not_exists(absent, :two) + :one REMOVE two, absent", {"one": 3, "two": None}),
        ("ADD one :two, absent :one", {"one": 3, "absent": 1}),
        ("ADD #set :set DELETE extra :set", {"set": frozenset({"a", "b", "c"})}),
        ("DELETE #set :set", {"set": frozenset({"b"})}),
        ("DELETE #set :all", {"set": None}),
    ],
)
def test_updates_change_the_same_attributes(table: Table, update: str, changes: dict[str, Any]) -> None:
    """Every right side is read before anything changes; numbers and sets are there when something is added; an empty set is gone."""
    values = {**VALUES, ":set": frozenset({"a", "c"}), ":all": frozenset({"a", "b"})}
    after = table.update(KEY, update, used(values, update), names={"#set": "set"} if "#set" in update else None)
    expected = {name: value for name, value in {**ITEM, **changes}.items() if value is not None}
    assert after == table.get(KEY) == expected


def test_an_update_makes_the_item_that_is_not_there(table: Table) -> None:
    """With its key, and what the update sets."""
    assert table.update({"pk": "new", "sk": "1"}, "ADD made :one", {":one": 1}) == {"pk": "new", "sk": "1", "made": 1}


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("pk = :pk", "a a#1 a#2 b"),
        ("pk = :pk AND sk = :sk", "a#1"),
        ("pk = :pk AND sk < :sk", "a"),
        ("pk = :pk AND sk <= :sk", "a a#1"),
        ("pk = :pk AND sk > :sk", "a#2 b"),
        ("pk = :pk AND sk >= :sk", "a#1 a#2 b"),
        ("pk = :pk AND sk BETWEEN :sk AND :last", "a#1 a#2"),
        ("pk = :pk AND begins_with(sk, :prefix)", "a a#1 a#2"),
    ],
)
def test_queries_find_the_same_items_in_order(table: Table, condition: str, found: str) -> None:
    """Forwards and backwards, and the first of them."""
    table.put_many([{"pk": "q", "sk": sk} for sk in ("b", "a#2", "a", "a#1")])
    values = used({":pk": "q", ":sk": "a#1", ":last": "a#9", ":prefix": "a"}, condition)
    assert [row["sk"] for row in table.query(condition, values)] == found.split()
    assert [row["sk"] for row in table.query(condition, values, ScanIndexForward=False)] == found.split()[::-1]
    assert [row["sk"] for row in table.query(condition, values, Limit=1)] == found.split()[:1]
    assert [row["sk"] for row in table.query(condition, values, Limit=1, ScanIndexForward=False)] == found.split()[-1:]


def test_a_projection_shows_what_it_names(table: Table) -> None:
    """And of that what is there."""
    rows = table.query("pk = :pk", {":pk": "p"}, ProjectionExpression="sk, #one, absent", ExpressionAttributeNames={"#one": "one"})
    assert list(rows) == [{"sk": "1", "one": 1}]


def test_an_index_orders_by_its_sort_key_and_shows_what_it_projects(variant: AwsVariant) -> None:
    """An item is in it for as long as it has both keys; of one sort key there may be several."""
    table = variant.deliveries_table
    table.put_many([{"pk": pk, "sk": "s", "due_shard": "d", "due_at": at, "other": 1} for pk, at in (("x", "2"), ("y", "1"), ("z", "3"))])
    table.put({"pk": "half", "sk": "s", "due_shard": "d"})
    table.update({"pk": "z", "sk": "s"}, "REMOVE due_at", {})
    table.put({"pk": "w", "sk": "s", "due_shard": "d", "due_at": "2"})
    values = {":shard": "d", ":until": "2"}
    found = list(table.query("due_shard = :shard AND due_at <= :until", values, IndexName=keys.BY_DUE))
    assert [row["due_at"] for row in found] == ["1", "2", "2"]
    assert {row["pk"] for row in found} == {"y", "x", "w"}
    assert all(row.keys() == {"pk", "sk", "due_shard", "due_at"} for row in found)
    table.delete({"pk": "y", "sk": "s"})
    assert len(list(table.query("due_shard = :shard AND due_at <= :until", values, IndexName=keys.BY_DUE))) == 2


def test_a_transaction_does_all_or_nothing(table: Table) -> None:
    """Of every kind of write; the item that a condition failed for is not shown."""
    new, gone, checked = ({"pk": "p", "sk": sk} for sk in ("new", "gone", "checked"))
    table.put(gone)
    writes: list[Write] = [
        Put(new, "attribute_not_exists(pk)"),
        Update(KEY, "SET one = :two", {":two": 2, ":one": 1}, "one = :one"),
        Delete(gone, "attribute_exists(pk)"),
    ]
    with pytest.raises(ConditionFailed) as failed:
        table.transact([*writes, ConditionCheck(checked, "attribute_exists(pk)")])
    assert failed.value.item is None
    assert (table.get(new), table.get(KEY), table.get(gone)) == (None, ITEM, gone)
    table.transact([*writes, ConditionCheck(checked, "attribute_not_exists(pk)")])
    assert (table.get(new), table.get(KEY), table.get(gone)) == (new, {**ITEM, "one": 2}, None)


def test_a_cancelled_transaction_says_which_condition_failed(variant: AwsVariant) -> None:
    """One reason for each write, in order."""
    puts = [{"Put": {"TableName": variant.table_name, "Item": to_wire({"pk": "p", "sk": sk})}} for sk in "12"]
    puts[1]["Put"]["ConditionExpression"] = "attribute_exists(pk)"
    with pytest.raises(ClientError) as refused:
        variant.dynamodb.transact_write_items(TransactItems=puts)
    assert refused.value.response["Error"]["Code"] == "TransactionCanceledException"
    reasons: Any = refused.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "ConditionalCheckFailed"]
    assert "[None, ConditionalCheckFailed]" in str(refused.value)


def test_two_tables_are_read_in_one_request(variant: AwsVariant) -> None:
    """Of what is asked for, what is there."""
    variant.table.put(ITEM)
    variant.deliveries_table.put(KEY)
    asked = [KEY, {"pk": "p", "sk": "none"}]
    found, other = variant.table.get_many_with(asked, variant.deliveries_table, asked)
    assert (found, other) == ({("p", "1"): ITEM}, {("p", "1"): KEY})


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("put_item", {"Item": KEY, "ConditionExpression": "one = :one"}),
        ("put_item", {"Item": KEY, "ConditionExpression": "attribute_exists(pk)", "ExpressionAttributeValues": {":unused": 1}}),
        ("put_item", {"Item": KEY, "ConditionExpression": "attribute_exists(pk)", "ExpressionAttributeNames": {"#unused": "pk"}}),
        ("put_item", {"Item": {**KEY, "words": "x" * (400 << 10)}}),
        ("put_item", {"Item": {**KEY, "owner": 7}}),
        ("update_item", {"Key": KEY, "UpdateExpression": "SET one = absent"}),
        (
            "update_item",
            {"Key": KEY, "UpdateExpression": "ADD #t :one", "ExpressionAttributeValues": {":one": 1}, "names": {"#t": "words"}},
        ),
    ],
)
def test_requests_that_make_no_sense_are_refused(variant: AwsVariant, operation: str, request_: dict[str, Any]) -> None:
    """With DynamoDB's own code, and nothing is written."""
    variant.table.put(ITEM)
    request = {name: to_wire(value) if name in {"Item", "Key", "ExpressionAttributeValues"} else value for name, value in request_.items()}
    if names := request.pop("names", None):
        request["ExpressionAttributeNames"] = names
    assert refusal(variant, operation, TableName=variant.table_name, **request) == "ValidationException"
    assert variant.table.get(KEY) == ITEM


def test_requests_of_too_many_items_or_of_one_twice_are_refused(variant: AwsVariant) -> None:
    """What a store has to split or make unique by itself."""
    name, items = variant.table_name, [to_wire({"pk": "p", "sk": str(number)}) for number in range(101)]
    twice = [items[1], items[1]]
    puts = [{"PutRequest": {"Item": item}} for item in items]
    transacted = [{"Put": {"TableName": name, "Item": item}} for item in items]
    refused = [
        refusal(variant, "batch_get_item", RequestItems={name: {"Keys": items}}),
        refusal(variant, "batch_get_item", RequestItems={name: {"Keys": twice}}),
        refusal(variant, "batch_write_item", RequestItems={name: puts[:26]}),
        refusal(variant, "batch_write_item", RequestItems={name: [puts[1], puts[1]]}),
        refusal(variant, "transact_write_items", TransactItems=transacted),
        refusal(variant, "transact_write_items", TransactItems=[transacted[1], transacted[1]]),
        refusal(
            variant,
            "query",
            TableName=name,
            IndexName=keys.BY_OWNER,
            ConsistentRead=True,
            KeyConditionExpression="#owner = :owner",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={":owner": {"S": "x"}},
        ),
    ]
    assert refused == ["ValidationException"] * len(refused)
    assert refusal(variant, "get_item", TableName="none", Key=items[0]) == "ResourceNotFoundException"
    assert list(variant.table.query("pk = :pk", {":pk": "p"})) == []
