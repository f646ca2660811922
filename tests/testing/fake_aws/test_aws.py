"""The fake as a whole: what it counts, how long it takes, its key, and what it does not support."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from local.stand_in_template import template
from shared.crypto import DecryptionFailed, Envelope, Purpose
from shared.model.ids import Channel, TenantId
from shared.store import keys
from shared.store.table import StoreUnavailable, Table
from testing.fake_aws.aws import KEY, FakeAws
from testing.fake_aws.dynamodb import STATE, FakeDynamoDb
from testing.fake_aws.index import INDEXES, Index
from testing.fake_aws.service import NotSupported
from tests.support.aws_variants import over_http
from tests.support.fake_stores import fake_table

ANN, BEN = TenantId("ann"), TenantId("ben")


def test_a_data_key_opens_for_its_own_context_alone(aws: FakeAws) -> None:
    """As with KMS (the emulator does not look at the context): over HTTP and in this process."""
    for client in (over_http(aws).client("kms"), aws.client):
        envelope = Envelope(lambda client=client: client, KEY)  # type: ignore[misc]
        sealed = (key := envelope.new_key(ANN, Purpose.SESSION)).seal(b"secret")
        assert envelope.unwrap(ANN, Purpose.SESSION, key.wrapped).open(sealed) == b"secret"
        with pytest.raises(DecryptionFailed):
            envelope.unwrap(BEN, Purpose.SESSION, key.wrapped)


async def test_every_call_takes_at_least_the_latency_and_is_counted() -> None:
    """The wait is not the caller's own; a call in this process is not counted."""
    async with FakeAws(latency_s=0.2).running() as aws:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.to_thread(Table(over_http(aws).client("dynamodb"), STATE).get, keys.account(ANN, Channel.TELEGRAM))
        assert loop.time() - began >= 0.2
        Table(aws.client, STATE).get(keys.account(ANN, Channel.TELEGRAM))
        assert aws.calls == {"GetItem ACCOUNT": 1}


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("Scan", {"TableName": STATE}),
        ("GetItem", {"TableName": STATE, "Key": {}, "ProjectionExpression": "pk"}),
        ("Query", {"TableName": STATE, "FilterExpression": "one = :one"}),
        ("PutItem", {"TableName": STATE, "Item": {}, "ReturnValues": "ALL_OLD"}),
        ("CreateTable", {"TableName": STATE}),
    ],
)
def test_an_operation_or_a_parameter_that_is_not_supported_raises(operation: str, request_: dict[str, Any]) -> None:
    """A new request of our code must not be answered by a guess."""
    with pytest.raises(NotSupported):
        FakeDynamoDb().answer(operation, request_)


@pytest.mark.parametrize("condition", ["a = ", "a[0] = :one", "attribute_type(a, :one)", "a = :one b"])
def test_a_condition_that_is_not_supported_raises(condition: str) -> None:
    """Whatever the item is."""
    with pytest.raises(NotSupported):
        fake_table().put({"pk": "p", "sk": "s"}, condition, {":one": 1} if ":one" in condition else None)


@pytest.mark.parametrize("update", ["SET a = list_append(a, :one)", "PUT a :one", "ADD a :bytes"])
def test_an_update_that_is_not_supported_raises(update: str) -> None:
    """Whatever the item is."""
    with pytest.raises(NotSupported):
        fake_table().update({"pk": "p", "sk": "s"}, update, {":bytes": frozenset({b"x"})} if ":bytes" in update else {":one": 1})


@pytest.mark.parametrize("condition", ["sk = :one", ":one = pk", "pk = :one AND other = :one", "pk > :one"])
def test_a_query_that_is_not_supported_raises(condition: str) -> None:
    """The partition key comes first, and the sort key is the table's."""
    with pytest.raises(NotSupported):
        list(fake_table().query(condition, {":one": "1"}))


def test_over_http_it_is_an_error_that_nobody_takes_for_aws(aws: FakeAws) -> None:
    """A process that is measured says it in its log."""
    with pytest.raises(StoreUnavailable, match="NotSupportedByTheFake"):
        list(Table(over_http(aws).client("dynamodb"), STATE).query("sk = :one", {":one": "1"}))


def test_the_indexes_are_those_of_the_template() -> None:
    """Their keys, and what they show: an attribute that only the fake showed would be missed in production."""
    tables = [one["Properties"] for one in template("local")["Resources"].values() if one["Type"] == "AWS::DynamoDB::Table"]
    indexes = [index for table in tables for index in table["GlobalSecondaryIndexes"]]
    described = {}
    for index in indexes:
        partition_key, sort_key = (key["AttributeName"] for key in index["KeySchema"])
        described[index["IndexName"]] = Index(partition_key, sort_key, tuple(index["Projection"].get("NonKeyAttributes", ())))
    assert described == INDEXES
