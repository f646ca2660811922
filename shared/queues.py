"""The `events` queue: what the listener puts in and the delivery function takes out.

small    the event's JSON                          SQS takes 256 KiB
large    {"tenant_id", "event_id"}, a pointer      the event lies in its delivery record (DynamoDB takes 400 KB)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import Field, TypeAdapter

from shared.model.event import Event
from shared.model.frozen import Frozen
from shared.model.ids import EventId, TenantId

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
    """Puts events back into the FIFO queue; the listener has a way of its own (listener/core/sqs_sender.py)."""

    def __init__(self, sqs: SQSClient, url: str) -> None:
        self._sqs = sqs
        self._url = url

    def replay(self, replays: Sequence[Replay]) -> None:
        """Queue up to ten events that were recorded, to be delivered again whatever became of them; raises QueueUnavailable.

        Their records must hold them. Safe to run twice within five minutes under the same `wish`: the queue takes it once.
        """
        entries = [
            {
                "Id": str(number),
                "MessageBody": pointer_to(one.tenant_id, one.event_id),
                "MessageGroupId": f"{one.tenant_id}:{one.chat}",
                "MessageDeduplicationId": f"{one.event_id}.{one.wish}",
            }
            for number, one in enumerate(replays)
        ]
        try:
            answer = self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries)  # type: ignore[arg-type]
        except (ClientError, BotoCoreError) as error:
            raise QueueUnavailable(_reason(error)) from error
        if not all(accepted(answer, len(entries))):
            raise QueueUnavailable("some were refused")


def body_of(event: Event) -> str:
    """Return the event's JSON in ASCII: SQS refuses some characters, U+FFFE for one."""
    return event.model_dump_json(exclude_none=True, ensure_ascii=True)


def pointer_to(tenant_id: TenantId, event_id: EventId) -> str:
    """Return what a queue message carries of an event that is recorded."""
    return Pointer(tenant_id=tenant_id, event_id=event_id).model_dump_json()


def entry_of(entry_id: str, event: Event, body: str) -> dict[str, str]:
    """Return an event's entry in a request: in its chat's group, under its own id."""
    return {"Id": entry_id, "MessageBody": body, "MessageGroupId": event.group, "MessageDeduplicationId": event.id}


def accepted(answer: Any, entries: int) -> list[bool]:
    """Tell of each entry, numbered from 0, whether SQS has it."""
    taken = {entry["Id"] for entry in answer.get("Successful", ())}
    return [str(number) in taken for number in range(entries)]


def _reason(error: Exception) -> str:
    return str(error.response.get("Error", {}).get("Code")) if isinstance(error, ClientError) else type(error).__name__


def parse(body: str) -> Event | Pointer:
    """Return what a queue message carries; raises ValidationError."""
    return _body.validate_json(body)


def parse_event(body: str) -> Event:
    """Return the event in its JSON."""
    return Event.model_validate_json(body)


_body: TypeAdapter[Event | Pointer] = TypeAdapter(Annotated[Event | Pointer, Field(union_mode="left_to_right")])
