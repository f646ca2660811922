"""The AWS of fixed latency, what it counts, and what of that the clock accounts for."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.aws_latency_proxy import AwsLatencyProxy
from benchmarks.environment import BenchmarkEnvironment
from benchmarks.listener_client import MeasuredListener
from benchmarks.send import beyond_the_clock
from local.emulator_account import EmulatorAccount
from local.start_progress import silent
from shared.model.ids import Channel, TenantId, WorkerId
from shared.store import keys
from shared.store.table import Table
from testing.fake_aws.call_names import call_name

ANNA, FRIEND = "+9996621001", "+9996621002"


def wire(key: dict[str, str]) -> dict[str, Any]:
    return {name: {"S": value} for name, value in key.items()}


@pytest.mark.parametrize(
    ("operation", "request_", "named"),
    [
        ("UpdateItem", {"Key": wire(keys.worker(WorkerId("w")))}, "UpdateItem WORKERS"),
        ("Query", {"ExpressionAttributeValues": {":pk": {"S": keys.WORKERS}}}, "Query WORKERS"),
        ("Query", {"IndexName": keys.BY_OWNER, "ExpressionAttributeValues": {":owner": {"S": "w"}}}, "Query by_owner"),
        ("PutItem", {"Item": wire(keys.marks(TenantId("t"), Channel.TELEGRAM))}, "PutItem MARKS"),
        ("GetItem", {"Key": wire(keys.peer(TenantId("t"), Channel.TELEGRAM, 7))}, "GetItem PEER"),
        ("SendMessageBatch", {"QueueUrl": "q"}, "SendMessageBatch"),
    ],
)
def test_a_call_is_named_by_what_it_is_for(operation: str, request_: dict[str, Any], named: str) -> None:
    """Beats and looks around must be told from what a send might cause."""
    assert call_name(f"DynamoDB_20120810.{operation}", json.dumps(request_).encode()) == named


def test_the_clock_accounts_for_so_many_calls_and_no_more() -> None:
    """Beats every 3 s are nobody's fault; more of them, or anything else, is."""
    calls = Counter({"UpdateItem WORKERS": 4, "Query WORKERS": 6, "PutItem PEER": 1})
    assert beyond_the_clock(calls, elapsed_s=10) == Counter({"Query WORKERS": 2, "PutItem PEER": 1})


async def test_every_call_takes_the_same_time_and_is_counted(account: EmulatorAccount) -> None:
    """A real client gets the emulator's own answers, not sooner than the latency."""
    async with AwsLatencyProxy().running(account.emulator.url, latency_s=0.2) as aws:
        padded = replace(account.emulator, port=int(aws.url.rpartition(":")[2]))
        table = Table(padded.client("dynamodb"), account.table_name)
        began = time.monotonic()
        await asyncio.to_thread(table.put, keys.worker(WorkerId("w")))
        assert time.monotonic() - began >= 0.2
        assert await asyncio.to_thread(table.get, keys.worker(WorkerId("w"))) == keys.worker(WorkerId("w"))
        assert aws.calls == {"PutItem WORKERS": 1, "GetItem WORKERS": 1}


def test_the_listeners_calls_to_every_service_are_counted(tmp_path: Path) -> None:
    """A row that says "no calls" must have been able to see them: tables, keys and the queue."""
    with BenchmarkEnvironment(tmp_path, silent) as environment:
        for phone, username in ((ANNA, "anna"), (FRIEND, "friend")):
            environment.people.create_person(phone, first_name=username.title(), username=username)
        account = environment.new_aws_account()
        listener = MeasuredListener(environment, account, environment.telegram.address, "listener")
        listener.log_in(environment, ANNA)
        listener.send("@friend")
        environment.people.send(FRIEND, "@anna", "hi")
        queued = account.client("sqs").receive_message(QueueUrl=account.events_queue_url, WaitTimeSeconds=20)
        assert len(queued["Messages"]) == 1
        assert {"UpdateItem ACCOUNT", "PutItem SESSION", "PutItem PEER", "GenerateDataKey", "SendMessageBatch"} <= set(listener.aws.calls)
