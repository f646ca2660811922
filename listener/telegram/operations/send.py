"""The command `send`: sends a text exactly once.

The caller chooses `random_id` and keeps it for every attempt: Telegram answers a repeat with the first message, or with
RANDOM_ID_DUPLICATE.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from telethon import errors
from telethon.tl import functions, types

from listener.telegram.connection.client import Client
from listener.telegram.operations.recipients import resolve
from listener.telegram.peers.peer_cache import PeerCache
from listener.telegram.requests.errors import translate
from listener.telegram.requests.unreadable import Unreadable
from listener.telegram.updates.recent_sends import RecentSends
from shared.errors import AvioError, Code
from shared.rpc.send import SendMessage, SendResult

INCONCLUSIVE = {Code.FLOOD_WAIT, Code.SLOW_MODE, Code.PEER_FLOOD, Code.ACCOUNT_FROZEN, Code.NOT_AUTHORIZED, Code.TELEGRAM_ERROR}
"""Refusals of a repeat that say nothing about the first attempt: it may have sent the message, or even have caused the refusal."""

LOOKED_BACK = 100
CLOCKS_APART = timedelta(seconds=60)
_RECIPIENT = re.compile(r"me|@\w+|-?[0-9]{1,19}")
_MESSAGE_ID = re.compile(r"[0-9]{1,10}")


@dataclass(frozen=True)
class Outgoing:
    """A message to send. `to` is `me`, `@username` or a marked id as a string.

    `began_at` is when the first try began, where an earlier command may have sent it: another owner's, or of this one before it died.
    """

    to: str
    text: str
    reply_to: int | None
    random_id: int
    began_at: datetime | None = None


@dataclass(frozen=True)
class Sent:
    """A message that was sent."""

    chat_id: int
    message_id: int
    date: datetime


@dataclass
class SendAttempts:
    """All attempts to send one message. `began_at` is when the first began; `maybe_sent` means that an attempt may have sent it."""

    began_at: datetime
    maybe_sent: bool = False


class Sender(Protocol):
    """An account that sends."""

    async def send(self, message: Outgoing) -> Sent:
        """Send a message once."""


async def send_message(account: Sender, command: SendMessage) -> SendResult:
    """Run the command `send`; raise `invalid_request` for ids that are not Telegram's, and what sending raises."""
    reply_to = command.reply_to
    if not _RECIPIENT.fullmatch(command.to) or (reply_to is not None and not _MESSAGE_ID.fullmatch(reply_to)):
        raise AvioError(Code.INVALID_REQUEST)
    number = int(reply_to) if reply_to else None
    sent = await account.send(Outgoing(command.to, command.text, number, command.random_id, command.began_at))
    return SendResult(chat_id=str(sent.chat_id), message_id=str(sent.message_id), date=sent.date)


async def send(
    client: Client, peers: PeerCache, recent_sends: RecentSends, self_id: int, message: Outgoing, attempts: SendAttempts
) -> Sent:
    """Make one attempt to send a message. Safe to repeat with the same `random_id`.

    Raises AvioError for Telegram's refusals, ConnectionError or TimeoutError if Telegram did not answer. If Telegram only calls a repeat
    a duplicate, or its answer cannot be read, finds the message in the history since the first attempt. Keeps `attempts.maybe_sent`
    right, also when cancelled.
    """
    chat_id, peer = await resolve(client, peers, self_id, message.to)
    reply = types.InputReplyToMessage(message.reply_to) if message.reply_to else None
    request = functions.messages.SendMessageRequest(peer, message.text, random_id=message.random_id, reply_to=reply)
    before, attempts.maybe_sent = attempts.maybe_sent, True
    try:
        answer = await client.invoke(request)
    except errors.RandomIdDuplicateError:
        sent = await _find_sent(client, recent_sends, peer, chat_id, message, attempts.began_at)
    except Unreadable as error:
        if message_id := _message_id_in(error.items, message.random_id):
            sent = Sent(chat_id, message_id, attempts.began_at.replace(microsecond=0))
        else:
            sent = await _find_sent(client, recent_sends, peer, chat_id, message, attempts.began_at)
    except errors.RPCError as error:
        refusal = _refusal(error, peer, message)
        if refusal.code is not Code.TELEGRAM_UNAVAILABLE:  # a fault of Telegram does not tell whether the message was sent
            attempts.maybe_sent = before and refusal.code in INCONCLUSIVE
        raise refusal from error
    else:
        peers.learn([*getattr(answer, "users", ()), *getattr(answer, "chats", ())])
        sent = Sent(chat_id, *_outcome(answer, message.random_id))
    recent_sends.note(message.random_id, chat_id, sent.message_id)
    return sent


def _refusal(error: errors.RPCError, peer: Any, message: Outgoing) -> AvioError:
    if isinstance(error, errors.MsgIdInvalidError):
        if isinstance(peer, types.InputPeerUserFromMessage):
            return AvioError(Code.PEER_NOT_FOUND)
        if message.reply_to:
            return AvioError(Code.REPLY_NOT_FOUND)
    return translate(error)


def _outcome(answer: Any, random_id: int) -> tuple[int, datetime]:
    if isinstance(answer, types.UpdateShortSentMessage):
        return answer.id, answer.date
    message_id = _message_id_in(getattr(answer, "updates", ()), random_id)
    if message_id is None:
        raise AvioError(Code.OUTCOME_UNKNOWN)
    return message_id, _date_of(answer, message_id)


def _message_id_in(updates: Iterable[Any], random_id: int) -> int | None:
    """Return the id of the message that a send became, if the updates name it."""
    found = (update.id for update in updates if isinstance(update, types.UpdateMessageID) and update.random_id == random_id)
    return next(found, None)


def _date_of(answer: Any, message_id: int) -> datetime:
    messages: list[Any] = [getattr(update, "message", None) for update in answer.updates]
    dates = (message.date for message in messages if getattr(message, "id", None) == message_id)
    return next(dates, answer.date)  # type: ignore[no-any-return]


async def _find_sent(client: Client, recent_sends: RecentSends, peer: Any, chat_id: int, message: Outgoing, began_at: datetime) -> Sent:
    """Find the message that an earlier attempt sent: by its id if that is known, or else in the history since that attempt."""
    known = recent_sends.message_of(message.random_id)
    request = functions.messages.GetHistoryRequest(peer, known + 1 if known else 0, None, 0, 1 if known else LOOKED_BACK, 0, 0, 0)
    try:
        answer = await client.invoke(request)
    except errors.RPCError as error:
        raise AvioError(Code.OUTCOME_UNKNOWN) from error
    own = [found for found in answer.messages if isinstance(found, types.Message) and _is_own(found, peer)]
    if known:
        sent = next((found for found in own if found.id == known), None)
    else:
        alike = [found for found in own if found.message == message.text and not recent_sends.is_known(chat_id, found.id)]
        sent = likeliest(alike, began_at)
    if sent is None:
        raise AvioError(Code.OUTCOME_UNKNOWN)
    return Sent(chat_id, sent.id, sent.date)


def likeliest(messages: list[Any], began_at: datetime) -> Any | None:
    """Return which of several messages with one text, the newest first, a send became whose first attempt began at `began_at`.

    The oldest since then; if there is none, since Telegram's clock may differ from ours, the newest of the minute before.
    """
    after = [message for message in messages if message.date >= began_at.replace(microsecond=0)]  # Telegram's dates are whole seconds
    before = [message for message in messages if began_at - CLOCKS_APART <= message.date < began_at]
    return after[-1] if after else before[0] if before else None


def _is_own(message: types.Message, peer: Any) -> bool:
    return bool(message.out) or isinstance(peer, types.InputPeerSelf)
