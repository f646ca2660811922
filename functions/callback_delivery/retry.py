"""The decision that follows from an attempt's outcome (contract C3). Pure.

    2xx                               delivered
    410                               dead, and the callback is disabled: its owner says that it is gone
    any other answer, or no answer    retried after 1, 2, 4 and 8 s (or Retry-After), then the event's chat is parked
    a URL that is no longer allowed   dead

During a deployment an endpoint may answer 404 for a minute, a gateway 401 or 302. Only the endpoint's owner knows whether a refusal is
meant to last.
"""

from __future__ import annotations

from dataclasses import dataclass

DELAYS_S = (1, 2, 4, 8)
"""The delays between the five quick attempts."""
MAX_RETRY_AFTER_S = 300
"""The longest Retry-After that is honoured. Meanwhile the chat's messages stay in flight, and a queue allows 120,000 of those."""

GONE = 410
_RETRY_AFTER_STATUSES = {429, 503}


@dataclass(frozen=True)
class Answered:
    """The receiver answered. `retry_after_s`: its Retry-After, if there is one. `text`: the beginning of the body."""

    status: int
    retry_after_s: float | None = None
    text: str = ""


@dataclass(frozen=True)
class Failed:
    """There was no answer. `final`: another attempt would end the same way."""

    fault: str
    final: bool = False


Outcome = Answered | Failed


@dataclass(frozen=True)
class Delivered:
    """The receiver has the event."""


@dataclass(frozen=True)
class Again:
    """Another quick attempt is due after `delay_s`."""

    delay_s: int


@dataclass(frozen=True)
class Exhausted:
    """The quick attempts are used up. More attempts follow from the backlog."""


@dataclass(frozen=True)
class Dead:
    """No attempt follows. `gone`: nor for any later event."""

    gone: bool = False


Decision = Delivered | Again | Exhausted | Dead


def decide(outcome: Outcome, attempts: int) -> Decision:
    """Return what follows from the outcome of quick attempt number `attempts` (from 1)."""
    match outcome:
        case Answered(status) if 200 <= status < 300:
            return Delivered()
        case Answered(status) if status == GONE:
            return Dead(gone=True)
        case Answered(status, retry_after_s):
            return _again(attempts, retry_after_s if status in _RETRY_AFTER_STATUSES else None)
        case Failed(_, False):
            return _again(attempts, None)
        case _:
            return Dead()


def _again(attempts: int, retry_after_s: float | None) -> Decision:
    if attempts > len(DELAYS_S):
        return Exhausted()
    requested = min(max(retry_after_s or 0, 0), MAX_RETRY_AFTER_S)
    return Again(max(DELAYS_S[attempts - 1], -int(-requested // 1)))
