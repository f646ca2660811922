"""Finds the messages that an earlier attempt sent: Telegram called a repeat a duplicate, or its answer cannot be read.

By the message's id if a difference or an earlier answer named it; else in the history since the first attempt, by what the content says
its messages look like.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from telethon import errors
from telethon.tl import functions, types

from listener.telegram.operations.outgoing import MessageMade, Part, SendTarget
from listener.telegram.updates.recent_sends import RecentSends
from shared.errors import AvioError, Code

LOOKED_BACK = 100
CLOCKS_APART = timedelta(seconds=60)


async def find_sent(target: SendTarget, recent_sends: RecentSends, part: Part, began_at: datetime) -> tuple[MessageMade, ...]:
    """Return the messages of a part; raise `outcome_unknown` unless each is found."""
    taken: set[int] = set()
    found = []
    for random_id, alike in zip(part.random_ids, part.alike, strict=True):
        message = await _find(target, recent_sends, part, random_id, alike, began_at, taken)
        taken.add(message.id)
        found.append(message)
    return tuple(found)


async def _find(
    target: SendTarget,
    recent_sends: RecentSends,
    part: Part,
    random_id: int,
    alike: Callable[[Any], bool],
    began_at: datetime,
    taken: set[int],
) -> MessageMade:
    known = recent_sends.message_of(random_id)
    scheduled = getattr(part.request, "schedule_date", None) is not None
    own = await _own(target, known, scheduled)
    if known:
        sent = next((message for message in own if message.id == known), None)
    else:
        looked = [message for message in own if message.id not in taken and alike(message)]
        if scheduled:  # their dates are when they will be sent, and their ids are numbers of their own
            sent = looked[0] if len(looked) == 1 else None
        else:
            sent = likeliest([message for message in looked if not recent_sends.is_known(target.chat_id, message.id)], began_at)
    if sent is None:
        raise AvioError(Code.OUTCOME_UNKNOWN)
    return MessageMade(sent.id, sent.date)


async def _own(target: SendTarget, known: int | None, scheduled: bool) -> list[Any]:
    """Return the account's own messages of the chat, the newest first; if the id is known, at least that message."""
    request: Any = functions.messages.GetScheduledHistoryRequest(target.peer, 0)
    if not scheduled:
        request = functions.messages.GetHistoryRequest(
            target.peer, known + 1 if known else 0, None, 0, 1 if known else LOOKED_BACK, 0, 0, 0
        )
    try:
        answer = await target.client.invoke(request)
    except errors.RPCError as error:
        raise AvioError(Code.OUTCOME_UNKNOWN) from error
    messages = getattr(answer, "messages", ())
    return [message for message in messages if isinstance(message, types.Message) and (scheduled or _is_own(message, target.peer))]


def likeliest(messages: list[Any], began_at: datetime) -> Any | None:
    """Return which of several messages with one text, the newest first, a send became whose first attempt began at `began_at`.

    The oldest since then; if there is none, since Telegram's clock may differ from ours, the newest of the minute before.
    """
    after = [message for message in messages if message.date >= began_at.replace(microsecond=0)]  # Telegram's dates are whole seconds
    before = [message for message in messages if began_at - CLOCKS_APART <= message.date < began_at]
    return after[-1] if after else before[0] if before else None


def _is_own(message: types.Message, peer: Any) -> bool:
    return bool(message.out) or isinstance(peer, types.InputPeerSelf)
