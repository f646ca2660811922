"""The consumer at the queue: takes events as the delivery function does, ten at a time, and tells the tally."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from shared import queues
from testing.chaos.fault_log import FaultLog
from testing.chaos.message_audit import MessageAudit, Sequence, read_text

VISIBILITY_S = 60
WAIT_S = 1


class Consumer:
    """Takes until `stopping` is set and the queue is empty. FIFO lets nobody else have a chat's next while it holds some."""

    def __init__(self, sqs: Any, url: str, audit: MessageAudit, fault_log: FaultLog) -> None:
        self._sqs = sqs
        self._url = url
        self._tally = audit
        self._journal = fault_log
        self.unreadable = 0
        """Events that the delivery function could not read."""
        self.stopping = asyncio.Event()

    async def run(self) -> None:
        """Take and delete, one batch after another."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, "consumer") as thread:
            taken: list[dict[str, Any]] = []
            while taken or not self.stopping.is_set():
                taken = await loop.run_in_executor(thread, self._take)
                for message in taken:
                    self._tell(message["Body"])

    def _tell(self, body: str) -> None:
        try:
            queues.parse(body)
        except ValueError:
            self.unreadable += 1
        event = json.loads(body)
        chat, number = read_text(event["message"]["text"])
        self._tally.note_seen(Sequence(event["tenant_id"], chat), number, event["id"], self._journal.now)

    def _take(self) -> list[dict[str, Any]]:
        got = self._sqs.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=queues.BATCH, WaitTimeSeconds=WAIT_S, VisibilityTimeout=VISIBILITY_S
        )
        messages: list[dict[str, Any]] = got.get("Messages", [])
        if messages:
            entries = [{"Id": str(number), "ReceiptHandle": one["ReceiptHandle"]} for number, one in enumerate(messages)]
            self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
        return messages
