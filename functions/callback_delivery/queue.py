"""The queue's messages: read, deleted early, or made visible again later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError

from shared.model.event import Event
from shared.queues import Pointer, accepted, parse
from shared.store.delivery_snapshot import EventKey

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient


@dataclass(frozen=True)
class QueueEntry:
    """A queue message. `group` is its message group: one chat of one tenant.

    `event` is None if the body cannot be read, or if it points at an event too large for the queue. `queued_as` is the message's
    deduplication id: the event's id, unless the event is replayed.
    """

    message_id: str
    receipt: str
    group: str
    sent_at: datetime
    queued_as: str
    event: Event | None = None
    pointer: Pointer | None = None

    @property
    def key(self) -> EventKey | None:
        """The key of the event, in the body or pointed at; None if the body cannot be read."""
        chat = self.group.partition(":")[2]
        if self.event is not None:
            return self.event.tenant_id, self.event.id, chat
        return (self.pointer.tenant_id, self.pointer.event_id, chat) if self.pointer else None

    @property
    def replayed(self) -> bool:
        """Whether the message is a replay of its event."""
        return self.event is not None and self.queued_as != self.event.id


def entries_of(batch: dict[str, Any]) -> list[QueueEntry]:
    """Return the entries of a batch from the event source mapping, in order."""
    return [_entry(record) for record in batch["Records"]]


def _entry(record: dict[str, Any]) -> QueueEntry:
    attributes = record["attributes"]
    sent_at = datetime.fromtimestamp(int(attributes["SentTimestamp"]) / 1000, UTC)
    names = (record["messageId"], record["receiptHandle"], attributes["MessageGroupId"])
    queued_as = attributes["MessageDeduplicationId"]
    try:
        body = parse(record["body"])
    except ValidationError:
        return QueueEntry(*names, sent_at, queued_as)
    if isinstance(body, Pointer):
        return QueueEntry(*names, sent_at, queued_as, pointer=body)
    return QueueEntry(*names, sent_at, queued_as, body)


@dataclass(frozen=True)
class Copy:
    """A message to queue: an event's copy for one callback. `group` is its chat there, `queued_as` the deduplication id."""

    group: str
    queued_as: str
    body: str


class Messages:
    """Sends copies, deletes messages and makes them visible again.

    The latter two only hasten what happens anyway: the mapping deletes what is not deleted here, and a message that is not put back becomes
    visible when its time-out ends. So all tell whether they worked, and raise nothing.
    """

    def __init__(self, sqs: SQSClient, url: str) -> None:
        self._sqs = sqs
        self._url = url

    def send(self, copies: Sequence[Copy]) -> bool:
        """Queue up to ten copies; False if some may not be in the queue. Safe to run twice within five minutes."""
        batch = [
            {"Id": str(number), "MessageBody": copy.body, "MessageGroupId": copy.group, "MessageDeduplicationId": copy.queued_as}
            for number, copy in enumerate(copies)
        ]
        try:
            return all(accepted(self._sqs.send_message_batch(QueueUrl=self._url, Entries=batch), len(batch)))  # type: ignore[arg-type]
        except (ClientError, BotoCoreError):
            return False

    def delete(self, entries: Sequence[QueueEntry]) -> bool:
        """Delete up to ten messages."""
        batch = [{"Id": str(number), "ReceiptHandle": entry.receipt} for number, entry in enumerate(entries)]
        try:
            return not self._sqs.delete_message_batch(QueueUrl=self._url, Entries=batch).get("Failed")  # type: ignore[arg-type]
        except (ClientError, BotoCoreError):
            return False

    def put_back(self, entries: Sequence[QueueEntry], delay_s: int) -> bool:
        """Make up to ten messages of one chat visible again after a delay, together: none of them overtakes the first."""
        batch = [{"Id": str(number), "ReceiptHandle": entry.receipt, "VisibilityTimeout": delay_s} for number, entry in enumerate(entries)]
        try:
            return not self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=batch).get("Failed")  # type: ignore[arg-type]
        except (ClientError, BotoCoreError):
            return False
