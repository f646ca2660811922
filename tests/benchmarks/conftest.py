"""The AWS in memory, by both ways to it, and the emulator that it is held to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from benchmarks.quick_aws import DELIVERIES, QUEUE, TABLE, QuickAws
from benchmarks.surroundings import SideLoop
from local.aws_account import Account
from local.emulator import ACCOUNT, Emulator


@dataclass(frozen=True)
class Side:
    """A way to an AWS: its clients by their services, and what things are called there."""

    client: Callable[[str], Any]
    table_name: str
    deliveries_table_name: str
    events_queue_url: str


def over_the_wire(aws: QuickAws) -> Emulator:
    """Clients of boto3 for it."""
    return Emulator(int(aws.url.rpartition(":")[2]))


@pytest.fixture
def aws() -> Iterator[QuickAws]:
    """A running one."""
    side, quick = SideLoop(), QuickAws(latency_s=0)
    running = quick.running()
    side.run(running.__aenter__())
    yield quick
    side.run(running.__aexit__(None, None, None))
    side.close()


@pytest.fixture(params=["quick, by the wire", "quick, in this process", "emulator"])
def side(request: pytest.FixtureRequest, aws: QuickAws) -> Side:
    """Each of them."""
    if request.param == "emulator":
        account: Account = request.getfixturevalue("account")
        return Side(account.client, account.table_name, account.deliveries_table_name, account.events_queue_url)
    client = over_the_wire(aws).client if request.param == "quick, by the wire" else lambda _: aws.client
    return Side(client, TABLE, DELIVERIES, f"{aws.url}/{ACCOUNT}/{QUEUE}")
