"""The delivery function as Lambda runs it: a process of its own, composed from its environment alone."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import Any

from local.bootstrap import ROOT
from tests.functions.lambda_environment import ENVIRONMENT
from tests.support.emulated_delivery import EmulatedDelivery
from tests.support.events import event_of

CODE = """
import json, sys
from functions.callback_delivery.handler import handler
for event in json.load(sys.stdin):
    print(json.dumps({"returned": handler(event, None)}))
"""


async def handled(delivery: EmulatedDelivery, *batches: dict[str, Any]) -> list[dict[str, Any]]:
    """Hand batches to one warm function; return the lines that it wrote."""
    flags = {"ALLOW_HTTP_CALLBACKS": "1", "ALLOW_PRIVATE_CALLBACKS": "1"}
    environment = {**ENVIRONMENT, **delivery.account.environment, **flags}
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-W", "error", "-c", CODE],
        cwd=ROOT,
        env=environment,
        input=json.dumps(batches),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def returned(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what the runs returned, in order."""
    return [line["returned"] for line in lines if "returned" in line]


async def test_batch_after_batch_is_delivered_by_one_warm_function(delivery: EmulatedDelivery) -> None:
    """With the connection that the first batch opened; each run writes its metrics, which name no tenant."""
    tenant = delivery.new_tenant(f"http://127.0.0.1:{delivery.receiver.port}/in")
    batches = []
    for number in (1, 2):
        delivery.enqueue(event_of(tenant.id, chat_id=number, message_id=number))
        batches.append(delivery.receive())
    lines = await handled(delivery, *batches)
    assert returned(lines) == [{"batchItemFailures": []}] * 2
    assert delivery.texts() == ["message 1", "message 2"]
    assert delivery.receiver.connections == 1
    metrics = [line for line in lines if "_aws" in line]
    assert [line["EventsDelivered"] for line in metrics] == [[1.0]] * 2
    assert tenant.id not in json.dumps(metrics)


async def test_a_batch_that_cannot_be_understood_stays_in_the_queue_and_raises_nothing(delivery: EmulatedDelivery) -> None:
    """A fault of ours loses no message: all of the batch is named."""
    odd = {"Records": [{"messageId": "1", "receiptHandle": "r", "body": "{}", "attributes": {}}]}
    assert returned(await handled(delivery, odd)) == [{"batchItemFailures": [{"itemIdentifier": "1"}]}]
