"""The fake by both ways to it, and the emulator that it is held to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.emulator_account import EmulatorAccount
from testing.background_loop import BackgroundLoop
from testing.fake_aws.aws import FakeAws
from testing.fake_aws.dynamodb import DELIVERIES, STATE
from tests.support.aws_variants import EMULATOR, OVER_HTTP, VARIANTS, AwsVariant, over_http


@pytest.fixture
def aws() -> Iterator[FakeAws]:
    """A fake that answers over HTTP too, at once."""
    loop, made = BackgroundLoop(), FakeAws(latency_s=0)
    running = made.running()
    loop.run(running.__aenter__())
    yield made
    loop.run(running.__aexit__(None, None, None))
    loop.close()


@pytest.fixture(params=VARIANTS)
def variant(request: pytest.FixtureRequest, aws: FakeAws) -> AwsVariant:
    """Each of them."""
    if request.param == EMULATOR:
        account: EmulatorAccount = request.getfixturevalue("account")
        return AwsVariant(account.client, account.table_name, account.deliveries_table_name, account.events_queue_url)
    client = over_http(aws).client if request.param == OVER_HTTP else lambda _: aws.client
    return AwsVariant(client, STATE, DELIVERIES, aws.queue_url)
