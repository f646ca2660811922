"""The way to AWS on which things go wrong: each fault does what it says, and healing ends it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local.emulator_account import EmulatorAccount
from testing.chaos.aws_proxy import AwsFault, AwsProxy

ONCE = Config(connect_timeout=30, read_timeout=60, retries={"total_max_attempts": 1})
HASTY = ONCE.merge(Config(read_timeout=2))
"""For what is never answered; whatever is, may take as long as the machine needs."""


@pytest.fixture
async def proxy(account: EmulatorAccount) -> AsyncIterator[AwsProxy]:
    """A proxy before the emulator."""
    made = AwsProxy(account.emulator, random.Random(1))
    await made.start()
    yield made
    await made.close()


class ProxiedQueue:
    """The account's queue, written to through the proxy and looked into past it."""

    def __init__(self, account: EmulatorAccount, proxy: AwsProxy) -> None:
        keys = {"aws_access_key_id": account.emulator.account, "aws_secret_access_key": account.emulator.secret, "region_name": "us-east-1"}
        self._through, self._hasty = (
            boto3.client("sqs", endpoint_url=proxy.url, config=config, **keys)  # type: ignore[call-overload]
            for config in (ONCE, HASTY)
        )
        self._past = account.client("sqs")
        self._url = account.events_queue_url
        self._proxied_url = self._url.replace(account.emulator.url, proxy.url)

    async def send(self, *texts: str, hasty: bool = False) -> dict[str, Any]:
        """Send one batch, each text in a group of its own."""
        client = self._hasty if hasty else self._through
        entries = [{"Id": text, "MessageBody": text, "MessageGroupId": text, "MessageDeduplicationId": text} for text in texts]
        answer: dict[str, Any] = await asyncio.to_thread(client.send_message_batch, QueueUrl=self._proxied_url, Entries=entries)
        return answer

    async def texts(self) -> set[str]:
        """Return what the queue has."""
        got = await asyncio.to_thread(self._past.receive_message, QueueUrl=self._url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return {message["Body"] for message in got.get("Messages", [])}


@pytest.fixture
def queue(account: EmulatorAccount, proxy: AwsProxy) -> ProxiedQueue:
    """The account's queue."""
    return ProxiedQueue(account, proxy)


async def test_without_a_fault_everything_passes(queue: ProxiedQueue) -> None:
    """Requests and answers go through as they are, one after another on one connection."""
    for text in ("a", "b", "c"):
        assert [one["Id"] for one in (await queue.send(text))["Successful"]] == [text]
    assert await queue.texts() == {"a", "b", "c"}


@pytest.mark.parametrize("mode", ["refuse", "hang", "error", "throttle"])
async def test_what_does_not_pass_is_not_done(queue: ProxiedQueue, proxy: AwsProxy, mode: Any) -> None:
    """The caller gets an error or no answer, the queue nothing; once healed, all is as before."""
    await queue.send("before")
    proxy.break_by(AwsFault(mode))
    with pytest.raises((ClientError, BotoCoreError)):
        await queue.send("lost", hasty=True)
    proxy.heal()
    await queue.send("after")
    assert await queue.texts() == {"before", "after"}


async def test_a_lost_answer_is_of_a_request_that_worked(queue: ProxiedQueue, proxy: AwsProxy) -> None:
    """The caller learns nothing, and the queue has what it sent."""
    proxy.break_by(AwsFault("lose_answer"))
    with pytest.raises(BotoCoreError):
        await queue.send("kept")
    assert await queue.texts() == {"kept"}


@pytest.mark.parametrize(("mode", "kept"), [("refuse_entries", set()), ("deny_entries", {"a", "b", "c"})])
async def test_single_entries_are_refused(queue: ProxiedQueue, proxy: AwsProxy, mode: Any, kept: set[str]) -> None:
    """The answer names them as failed; refused ones are not in the queue, those only said to be are."""
    proxy.break_by(AwsFault(mode, share=0.5))
    failed: set[str] = set()
    accepted: set[str] = set()
    while not failed or not accepted:  # each entry by a throw of the dice
        answer = await queue.send("a", "b", "c")
        failed = {one["Id"] for one in answer.get("Failed", [])}
        accepted = {one["Id"] for one in answer.get("Successful", [])}
        assert failed | accepted == {"a", "b", "c"}
    assert await queue.texts() >= accepted | kept


async def test_all_entries_refused_leave_the_queue_empty(queue: ProxiedQueue, proxy: AwsProxy) -> None:
    """The answer is a good one, in which every entry has failed."""
    proxy.break_by(AwsFault("refuse_entries"))
    answer = await queue.send("a", "b")
    assert {one["Id"] for one in answer["Failed"]} == {"a", "b"}
    assert await queue.texts() == set()
