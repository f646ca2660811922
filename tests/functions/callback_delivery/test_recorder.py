"""How the records of one run come together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime

from functions.callback_delivery.recorder import Recorder
from shared.model.delivery import Delivery, DeliveryStatus
from shared.store.deliveries import DeliveryStore
from shared.store.table import Item, StoreUnavailable, Table
from testing.fake_aws.dynamodb import DELIVERIES, FakeDynamoDb
from tests.support.captured_log import CapturedLog
from tests.support.events import event_of
from tests.support.fake_stores import fake_client

EVENTS = [event_of(chat_id=number, message_id=number) for number in range(1, 11)]
DELIVERED = Delivery(status=DeliveryStatus.DELIVERED, queued_as="q", at=datetime(2026, 3, 1, tzinfo=UTC))


class CountedTable(Table):
    """A table that counts how often records are written, and refuses while it is told to."""

    writes = 0
    refuses = False

    def __init__(self) -> None:
        self.dynamodb = FakeDynamoDb()
        super().__init__(fake_client(self.dynamodb), DELIVERIES)

    def put_each(self, items: Iterable[Item]) -> None:
        """Write items."""
        self.writes += 1
        if self.refuses:
            raise StoreUnavailable("put_each")
        super().put_each(items)


async def test_records_of_chats_that_end_together_are_written_in_one_request() -> None:
    """Each of them is written when its chat goes on."""
    table = CountedTable()
    recorder = Recorder(DeliveryStore(table), CapturedLog().logger, len(EVENTS))
    assert all(await asyncio.gather(*(recorder.put(event, DELIVERED) for event in EVENTS)))
    assert table.writes == 1
    assert len(table.dynamodb.addresses(DELIVERIES)) == len(EVENTS)


async def test_a_record_does_not_wait_for_chats_that_have_nothing_to_record() -> None:
    """One chat of ten alone is written by itself, and the next after it."""
    table = CountedTable()
    recorder = Recorder(DeliveryStore(table), CapturedLog().logger, len(EVENTS))
    assert await recorder.put(EVENTS[0], DELIVERED)
    assert await recorder.put(EVENTS[1], DELIVERED)
    assert table.writes == 2


async def test_each_chat_is_told_that_its_record_was_refused() -> None:
    """None of the records of a request that failed counts as written."""
    table = CountedTable()
    table.refuses = True
    recorder = Recorder(DeliveryStore(table), CapturedLog().logger, len(EVENTS))
    assert not any(await asyncio.gather(*(recorder.put(event, DELIVERED) for event in EVENTS)))
