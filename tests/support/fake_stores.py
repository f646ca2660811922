"""Stores over a DynamoDB in this process, for tests that need thousands of writes and a say in when each is applied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from shared.store.accounts import AccountStore
from shared.store.fenced import FencedStore
from shared.store.table import Table
from shared.store.workers import WorkerStore
from testing.fake_aws.client import InProcessClient
from testing.fake_aws.dynamodb import STATE, FakeDynamoDb

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


def fake_client(dynamodb: FakeDynamoDb | None = None) -> DynamoDBClient:
    """Return a client for a fake, or for a new one."""
    client: Any = InProcessClient((dynamodb or FakeDynamoDb()).answer)
    return cast("DynamoDBClient", client)


def fake_table(dynamodb: FakeDynamoDb | None = None, name: str = STATE) -> Table:
    """Return a table of a fake, or of a new one."""
    return Table(fake_client(dynamodb), name)


class OwnershipStores:
    """The stores that ownership works with, over one fake table."""

    def __init__(self) -> None:
        self.dynamodb = FakeDynamoDb()
        self.table = fake_table(self.dynamodb)
        self.accounts = AccountStore(self.table)
        self.workers = WorkerStore(self.table)
        self.fenced = FencedStore(self.table)
        self.fake_table = self.dynamodb.tables[STATE]  # for its indexes, which may lag
