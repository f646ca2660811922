"""The `events` queue: the listener sends its messages, and the delivery function receives them.

a small event    its JSON                                   SQS takes 256 KiB
a large event    {"tenant_id", "event_id"}, a pointer       the event is in its delivery record (DynamoDB takes 400 KB)
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import Field, TypeAdapter, ValidationError

from shared.model.event import Event, StoredEvent
from shared.model.frozen import HIDDEN, FrozenModel, StoredModel
from shared.model.ids import EventId, TenantId

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

BATCH = 10
"""SQS: at most 10 entries in one request."""
LARGE_BYTES = 24 << 10
"""The size from which an event is queued by pointer: ten smaller events fit into the 256 KiB of one request."""


class Pointer(FrozenModel):
    """The body of a queue message whose event is too large for it."""

    tenant_id: TenantId
    event_id: EventId


class _Owned(StoredModel):
    """What every body has, whatever its kind and version."""

    tenant_id: TenantId


@dataclass(frozen=True)
class Replay:
    """A recorded event that is to be delivered again. `request_id` (up to 64 letters and digits) tells one request from the next."""

    tenant_id: TenantId
    event_id: EventId
    chat: str
    request_id: str


class QueueUnavailable(Exception):
    """SQS did not answer, or refused the request as a whole. Its messages may or may not be in the queue."""


class EventsQueue:
    """Puts recorded events into the FIFO queue, again or first, and accounts' changes of state. The listener sends its events by itself."""

    def __init__(self, sqs: SQSClient, url: str) -> None:
        self._sqs = sqs
        self._url = url

    def replay(self, replays: Sequence[Replay]) -> None:
        """Queue up to ten recorded events, to be delivered again whatever their status; raises QueueUnavailable.

        Safe to run twice within five minutes with the same `request_id`: the queue takes a message once.
        """
        entries = [
            {
                "Id": str(number),
                "MessageBody": pointer_to(replay.tenant_id, replay.event_id),
                "MessageGroupId": f"{replay.tenant_id}:{replay.chat}",
                "MessageDeduplicationId": f"{replay.event_id}.{replay.request_id}",
            }
            for number, replay in enumerate(replays)
        ]
        self._send(entries)

    def send(self, events: Sequence[Event]) -> None:
        """Queue up to ten small events under their own ids; raises QueueUnavailable. Safe to run twice within five minutes."""
        self._send([entry_of(str(number), event, body_of(event)) for number, event in enumerate(events)])

    def send_recorded(self, event: Event) -> None:
        """Queue an event that has its delivery record, a large one by pointer; raises QueueUnavailable. Safe to run twice."""
        body = body_of(event)
        self._send([entry_of("0", event, body if len(body) < LARGE_BYTES else pointer_to(event.tenant_id, event.id))])

    def _send(self, entries: list[dict[str, str]]) -> None:
        try:
            answer = self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries)  # type: ignore[arg-type]
        except (ClientError, BotoCoreError) as error:
            raise QueueUnavailable(_reason(error)) from error
        if not all(accepted(answer, len(entries))):
            raise QueueUnavailable("some were refused")


def body_of(event: Event) -> str:
    """Return the event's JSON in ASCII: SQS refuses some characters, such as U+FFFE."""
    return event.model_dump_json(exclude_none=True, ensure_ascii=True)


def pointer_to(tenant_id: TenantId, event_id: EventId) -> str:
    """Return the body of a queue message that points at a recorded event."""
    return Pointer(tenant_id=tenant_id, event_id=event_id).model_dump_json()


def entry_of(entry_id: str, event: Event, body: str) -> dict[str, str]:
    """Return an event's entry in a request: its chat is the message group, its id the deduplication id."""
    return {"Id": entry_id, "MessageBody": body, "MessageGroupId": event.group, "MessageDeduplicationId": event.id}


def accepted(answer: Any, entries: int) -> list[bool]:
    """Tell for each entry, numbered from 0, whether SQS took it."""
    taken = {entry["Id"] for entry in answer.get("Successful", ())}
    return [str(number) in taken for number in range(entries)]


def _reason(error: Exception) -> str:
    return str(error.response.get("Error", {}).get("Code")) if isinstance(error, ClientError) else type(error).__name__


def parse(body: str) -> Event | Pointer:
    """Return the event or the pointer in a queue message; raises ValidationError."""
    return _body.validate_json(body)


def tenants_named(group: str, body: str) -> set[TenantId]:
    """Return the tenants that a message names in its group and in its body; the body may be of any version, or make no sense."""
    named = {TenantId(group.partition(":")[0])}
    with contextlib.suppress(ValidationError):
        named.add(_Owned.model_validate_json(body).tenant_id)
    return named


_body: TypeAdapter[Event | Pointer] = TypeAdapter(Annotated[StoredEvent | Pointer, Field(union_mode="left_to_right")], config=HIDDEN)
