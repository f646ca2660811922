"""One attempt to deliver one event, made by the delivery function or the sweeper."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from functions.callback_delivery import signing
from functions.callback_delivery.body import body_of
from functions.callback_delivery.recipients import Recipient
from functions.callback_delivery.retry import Answered, Outcome
from shared import callback_headers
from shared.clock import Clock
from shared.model.delivery import KEPT_TEXT, Attempt, Delivery
from shared.model.event import Event
from shared.model.ids import TenantId

Post = Callable[[TenantId, str, dict[str, str], bytes], Awaitable[Outcome]]
"""Posts a body with headers to a tenant's URL. No connection serves two tenants."""


@dataclass(frozen=True)
class AttemptResult:
    """An attempt in the form in which it is recorded, and its outcome in the form by which the next step is decided."""

    attempt: Attempt
    outcome: Outcome


class EventPoster:
    """Posts events, signed."""

    def __init__(self, post: Post, clock: Clock, base_url: str = "") -> None:
        self._post = post
        self._clock = clock
        self._base_url = base_url

    async def post(self, event: Event, before: Delivery, recipient: Recipient) -> AttemptResult:
        """Post an event once. Its attempt number follows those in the record `before`."""
        at, started_s = self._clock.now(), self._clock.boottime()
        body = body_of(event, recipient.tenant.number, recipient.tenant.body_format, self._base_url)
        signed = signing.headers(event.id, at, before.made + 1, body, recipient.secret, recipient.previous)
        headers = {**callback_headers.sendable(recipient.headers), **signed}
        outcome = await self._post(recipient.tenant.id, recipient.tenant.callback_url or "", headers, body)
        duration_ms = round((self._clock.boottime() - started_s) * 1000)
        return AttemptResult(with_outcome(Attempt(at=at, duration_ms=duration_ms), outcome), outcome)


def with_outcome(attempt: Attempt, outcome: Outcome) -> Attempt:
    """Return an attempt with its outcome."""
    if isinstance(outcome, Answered):
        return attempt.model_copy(update={"status": outcome.status, "text": outcome.text[:KEPT_TEXT]})
    return attempt.model_copy(update={"error": outcome.fault})
