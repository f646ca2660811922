"""When parked callbacks and chats are looked at again, and when they are given up. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from functions.callback_delivery.retry import MAX_RETRY_AFTER_S, Answered, Outcome
from shared.model.backlog import ParkedChat

FIRST = timedelta(seconds=30)
SLOWEST = timedelta(minutes=15)
"""Also how long a callback that was mended waits at most for what is parked."""
GIVEN_UP = timedelta(days=5)
HOPELESS = timedelta(hours=1)
STRIKES = 5


def delay(tried: int) -> timedelta:
    """Return how long to wait after so many fruitless tries: 30 s, doubled each time, 15 minutes at most."""
    return min(timedelta(seconds=FIRST.total_seconds() * (1 << min(tried, 10))), SLOWEST)


def asked(outcome: Outcome) -> timedelta:
    """Return how long the receiver asked us to wait."""
    seconds = outcome.retry_after_s if isinstance(outcome, Answered) else None
    return timedelta(seconds=min(max(seconds or 0, 0), MAX_RETRY_AFTER_S))


def given_up(parked_since: datetime | None, now: datetime) -> bool:
    """Whether a callback has refused everything for so long that it is disabled."""
    return parked_since is not None and now - parked_since >= GIVEN_UP


def struck(chat: ParkedChat, now: datetime) -> ParkedChat:
    """Return a chat whose first event was refused once more while its callback takes others."""
    return chat.model_copy(update={"strikes": chat.strikes + 1, "failing_since": chat.failing_since or now})


def forgiven(chat: ParkedChat) -> ParkedChat:
    """Return a chat with another first event."""
    return chat.model_copy(update={"strikes": 0, "failing_since": None})


def hopeless(chat: ParkedChat, now: datetime) -> bool:
    """Whether a chat's first event is given up, so that the chat goes on: refused often, for an hour, while others were taken."""
    return chat.failing_since is not None and chat.strikes >= STRIKES and now - chat.failing_since >= HOPELESS
