"""When paused callbacks and parked chats are tried again, and when they are given up. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from functions.callback_delivery.retry import MAX_RETRY_AFTER_S, Answered, Outcome
from shared.model.backlog import ParkedChat

FIRST = timedelta(seconds=30)
SLOWEST = timedelta(minutes=15)
"""The longest wait between two tries, and so until a repaired callback gets its parked events."""
GIVEN_UP = timedelta(days=5)
HOPELESS = timedelta(hours=1)
STRIKES = 5


def delay(tries: int) -> timedelta:
    """Return how long to wait after so many tries without success: 30 s, doubled each time, 15 minutes at most."""
    return min(timedelta(seconds=FIRST.total_seconds() * (1 << min(tries, 10))), SLOWEST)


def retry_after(outcome: Outcome) -> timedelta:
    """Return how long the receiver asked us to wait."""
    seconds = outcome.retry_after_s if isinstance(outcome, Answered) else None
    return timedelta(seconds=min(max(seconds or 0, 0), MAX_RETRY_AFTER_S))


def given_up(paused_since: datetime | None, now: datetime) -> bool:
    """Tell whether a callback has refused everything for so long that it is disabled."""
    return paused_since is not None and now - paused_since >= GIVEN_UP


def refused(chat: ParkedChat, now: datetime) -> ParkedChat:
    """Return a chat whose first event was refused once more while its callback takes other events."""
    return chat.model_copy(update={"strikes": chat.strikes + 1, "failing_since": chat.failing_since or now})


def forgiven(chat: ParkedChat) -> ParkedChat:
    """Return a chat with another first event."""
    return chat.model_copy(update={"strikes": 0, "failing_since": None})


def hopeless(chat: ParkedChat, now: datetime) -> bool:
    """Tell whether a chat's first event is given up, so that the chat continues: refused often, for an hour, while others were taken."""
    return chat.failing_since is not None and chat.strikes >= STRIKES and now - chat.failing_since >= HOPELESS
