"""The `events` queue: what the listener puts in and the delivery function takes out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from shared.model.event import Event

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

BATCH = 10
"""SQS: at most 10 entries in one request."""


class QueueUnavailable(Exception):
    """SQS did not answer, or refused the request as a whole. What it carried may or may not be in the queue."""


class EventsQueue:
    """Puts events into the FIFO queue."""

    def __init__(self, sqs: SQSClient, url: str) -> None:
        self._sqs = sqs
        self._url = url

    def send(self, events: Sequence[Event]) -> list[bool]:
        """Send up to ten events, at most one per chat; tell of each whether SQS accepted it. Raises QueueUnavailable.

        One refused entry does not stop the others, hence the limit: a second event of its chat would overtake it. A request that failed
        as a whole accepted nothing that we know of; sending again is safe, the event's id deduplicates for five minutes.
        """
        entries = [
            {
                "Id": str(number),
                "MessageBody": event.model_dump_json(exclude_none=True, ensure_ascii=True),  # SQS refuses some characters, U+FFFE for one
                "MessageGroupId": event.group,
                "MessageDeduplicationId": event.id,
            }
            for number, event in enumerate(events)
        ]
        try:
            answer = self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries)  # type: ignore[arg-type]
        except (ClientError, BotoCoreError) as error:
            raise QueueUnavailable(_reason(error)) from error
        accepted = {entry["Id"] for entry in answer.get("Successful", [])}
        return [str(number) in accepted for number in range(len(events))]


def _reason(error: Exception) -> str:
    return str(error.response.get("Error", {}).get("Code")) if isinstance(error, ClientError) else type(error).__name__


def parse(body: str) -> Event:
    """Return the event that a queue message carries."""
    return Event.model_validate_json(body)
