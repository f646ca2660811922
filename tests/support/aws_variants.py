"""The fake AWS over HTTP, the fake AWS in this process, and the emulator behind one interface, so that a test compares them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local.emulator import Emulator
from shared.store.table import Table
from testing.fake_aws.aws import FakeAws

OVER_HTTP, IN_PROCESS, EMULATOR = VARIANTS = ("fake over HTTP", "fake in this process", "emulator")


@dataclass(frozen=True)
class AwsVariant:
    """An AWS account: its clients by service, and the names of what is in it."""

    client: Callable[[str], Any]
    table_name: str
    deliveries_table_name: str
    events_queue_url: str

    @property
    def dynamodb(self) -> Any:
        """A client for the tables."""
        return self.client("dynamodb")

    @property
    def table(self) -> Table:
        """The state table, as our stores use it."""
        return Table(self.dynamodb, self.table_name)

    @property
    def deliveries_table(self) -> Table:
        """The deliveries table, as our stores use it."""
        return Table(self.dynamodb, self.deliveries_table_name)


def over_http(aws: FakeAws) -> Emulator:
    """Return boto3's clients for a fake that runs."""
    return Emulator(int(aws.url.rpartition(":")[2]))
