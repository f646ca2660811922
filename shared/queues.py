"""The `events` queue: what the listener puts in and the delivery function takes out.

small    the event's JSON                          SQS takes 256 KiB
large    {"tenant_id", "event_id"}, a pointer      the event lies in its delivery record (DynamoDB takes 400 KB)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import Field, TypeAdapter

from shared.model.event import Event
from shared.model.frozen import Frozen
from shared.model.ids import EventId, TenantId
from shared.store.table import StoreUnavailable

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

BATCH = 10
"""SQS: at most 10 entries in one request."""
LARGE_BYTES = 24 << 10
"""From here on an event goes by pointer: ten of just below stay within the 256 KiB that one request may carry."""


class Pointer(Frozen):
    """What a queue message carries in place of an event that is too large for it."""

    tenant_id: TenantId
    event_id: EventId


@dataclass(frozen=True)
class Replay:
    """A recorded event that is to be delivered again. `wish` (up to 64 letters and digits) tells one wish for it from the next."""

    tenant_id: TenantId
    event_id: EventId
    chat: str
    wish: str


class QueueUnavailable(Exception):
    """SQS did not answer, or refused the request as a whole. What it carried may or may not be in the queue."""


class EventsQueue:
    """Puts events into the FIFO queue. `keep` stores a large event where the delivery function finds it; without it none may be large."""

    def __init__(self, sqs: SQSClient, url: str, keep: Callable[[Event], None] | None = None) -> None:
        self._sqs = sqs
        self._url = url
        self._keep = keep

    def send(self, events: Sequence[Event]) -> list[bool]:
        """Send up to ten events, at most one per chat; tell of each whether SQS accepted it. Raises QueueUnavailable.

        One refused entry does not stop the others, hence the limit: a second event of its chat would overtake it. A request that failed
        as a whole accepted nothing that we know of; sending again is safe, the event's id deduplicates for five minutes.
        """
        entries = [
            {
                "Id": str(number),
                "MessageBody": self._body(event),
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

    def replay(self, replays: Sequence[Replay]) -> None:
        """Queue up to ten events that were recorded, to be delivered again whatever became of them; raises QueueUnavailable.

        Their records must hold them. Safe to run twice within five minutes under the same `wish`: the queue takes it once.
        """
        entries = [
            {
                "Id": str(number),
                "MessageBody": Pointer(tenant_id=one.tenant_id, event_id=one.event_id).model_dump_json(),
                "MessageGroupId": f"{one.tenant_id}:{one.chat}",
                "MessageDeduplicationId": f"{one.event_id}.{one.wish}",
            }
            for number, one in enumerate(replays)
        ]
        try:
            answer = self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries)  # type: ignore[arg-type]
        except (ClientError, BotoCoreError) as error:
            raise QueueUnavailable(_reason(error)) from error
        if answer.get("Failed"):
            raise QueueUnavailable("some were refused")

    def _body(self, event: Event) -> str:
        body = event.model_dump_json(exclude_none=True, ensure_ascii=True)  # SQS refuses some characters, U+FFFE for one
        if len(body) < LARGE_BYTES or self._keep is None:
            return body
        try:
            self._keep(event)
        except StoreUnavailable as error:
            raise QueueUnavailable(str(error)) from error
        return Pointer(tenant_id=event.tenant_id, event_id=event.id).model_dump_json()


def _reason(error: Exception) -> str:
    return str(error.response.get("Error", {}).get("Code")) if isinstance(error, ClientError) else type(error).__name__


def parse(body: str) -> Event | Pointer:
    """Return what a queue message carries; raises ValidationError."""
    return _body.validate_json(body)


def parse_event(body: str) -> Event:
    """Return the event in its JSON."""
    return Event.model_validate_json(body)


_body: TypeAdapter[Event | Pointer] = TypeAdapter(Annotated[Event | Pointer, Field(union_mode="left_to_right")])
