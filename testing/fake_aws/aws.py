"""An AWS account in memory for tests and benchmarks: two tables with their indexes, a FIFO queue and a key.

It answers over HTTP, every call after the same time, or in this process. The emulator takes some milliseconds of processor time for each
call, which behind thousands of accounts would be most of what is measured; here a call takes a tenth of one. It supports what our code
asks for and raises NotSupported for the rest; tests/testing/fake_aws holds it to the emulator.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from shared.clock import Clock
from testing.fake_aws.call_names import named
from testing.fake_aws.client import InProcessClient
from testing.fake_aws.dynamodb import DELIVERIES, STATE, FakeDynamoDb
from testing.fake_aws.fifo_queue import QUEUE, FakeFifoQueue
from testing.fake_aws.kms import FakeKms
from testing.fake_aws.server import LATENCY_S, serving
from testing.fake_aws.service import Answer, NotSupported, Request, RequestRefused
from testing.fake_aws.wire import decoded, encoded

ACCOUNT, REGION, KEY = "000000000000", "us-east-1", "key"


class FakeAws:
    """Empty at first; `url` is set while it runs. Safe to use from several threads.

    `calls` counts the requests over HTTP by name, `first_at` is when each name first came (seconds of `time.monotonic`).
    """

    def __init__(self, latency_s: float = LATENCY_S, clock: Clock | None = None) -> None:
        self.url = ""
        self.latency_s = latency_s
        self.calls: Counter[str] = Counter()
        self.first_at: dict[str, float] = {}
        self.dynamodb = FakeDynamoDb(metered=True)
        self.queue = FakeFifoQueue(clock)
        services = (self.dynamodb, self.queue, FakeKms())
        self._services = {operation: service for service in services for operation in service.operations}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[FakeAws]:
        """Serve on a free port of 127.0.0.1 while the block lasts."""
        async with serving(self._serve, self.latency_s) as self.url:
            yield self

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a listener or a function that works with this account and no other."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
            "TABLE_NAME": STATE,
            "DELIVERIES_TABLE_NAME": DELIVERIES,
            "EVENTS_QUEUE_URL": self.queue_url,
            "KMS_KEY_ID": KEY,
            "MEDIA_BUCKET": "media",
        }

    @property
    def queue_url(self) -> str:
        """The queue's URL."""
        return f"{self.url}/{ACCOUNT}/{QUEUE}"

    @property
    def client(self) -> Any:
        """A client that asks in this process and is not counted: to prepare what is measured, and to look at it."""
        return InProcessClient(self.answer)

    def answer(self, operation: str, request: Request) -> Answer:
        """Answer a request; raises RequestRefused and NotSupported."""
        if operation not in self._services:
            raise NotSupported(operation)
        return self._services[operation].answer(operation, request)

    def _serve(self, target: str, body: bytes) -> tuple[int, bytes]:
        operation = target.rpartition(".")[2]
        try:
            request = decoded(body)
            name = named(operation, request)
            self.calls[name] += 1
            self.first_at.setdefault(name, time.monotonic())
            return 200, encoded(self.answer(operation, request))
        except RequestRefused as refused:
            return 400, encoded({"__type": refused.code, "message": refused.message, **refused.fields})
        except NotSupported as error:
            return 501, encoded({"__type": "NotSupportedByTheFake", "message": str(error)})
