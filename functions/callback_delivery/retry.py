"""What follows from an attempt's outcome (contract C3). Pure.

2xx                                   delivered
410                                   dead, and the callback is disabled: its owner said that it is gone
any other answer, and no answer       again after 1, 2, 4, 8 s (or Retry-After), then its chat is parked
a URL that is not allowed any more    dead

A deployment answers 404 for a minute, a gateway 401 or 302: only the endpoint's owner knows whether a refusal is meant to last.
"""

from __future__ import annotations

from dataclasses import dataclass

DELAYS_S = (1, 2, 4, 8)
"""Between the five quick attempts."""
MAX_RETRY_AFTER_S = 300
"""How long a receiver may ask us to wait: meanwhile its chat's messages stay received, of which a queue allows 120,000."""

GONE = 410
_RETRY_AFTER_HEARD = {429, 503}


@dataclass(frozen=True)
class Answered:
    """The receiver answered. `retry_after_s` is its Retry-After, if it sent one; `text` the beginning of what it said."""

    status: int
    retry_after_s: float | None = None
    text: str = ""


@dataclass(frozen=True)
class Failed:
    """There was no answer. `final`: trying again would end the same way."""

    fault: str
    final: bool = False


Outcome = Answered | Failed


@dataclass(frozen=True)
class Delivered:
    """The receiver has the event."""


@dataclass(frozen=True)
class Again:
    """Another attempt is due after `delay_s`."""

    delay_s: int


@dataclass(frozen=True)
class Exhausted:
    """The quick attempts are used up: another may follow once the callback answers again."""


@dataclass(frozen=True)
class Dead:
    """No attempt will follow. `gone`: none for any later event either."""

    gone: bool = False


Decision = Delivered | Again | Exhausted | Dead


def decide(outcome: Outcome, attempts: int) -> Decision:
    """Return what follows when the attempt just made, the `attempts`th of the quick ones, came out like this."""
    match outcome:
        case Answered(status) if 200 <= status < 300:
            return Delivered()
        case Answered(status) if status == GONE:
            return Dead(gone=True)
        case Answered(status, retry_after_s):
            return _again(attempts, retry_after_s if status in _RETRY_AFTER_HEARD else None)
        case Failed(_, False):
            return _again(attempts, None)
        case _:
            return Dead()


def _again(attempts: int, retry_after_s: float | None) -> Decision:
    if attempts > len(DELAYS_S):
        return Exhausted()
    asked = min(max(retry_after_s or 0, 0), MAX_RETRY_AFTER_S)
    return Again(max(DELAYS_S[attempts - 1], -int(-asked // 1)))
