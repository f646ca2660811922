"""Sends any content exactly once.

The caller chooses the random ids and keeps them for every attempt: Telegram answers a repeat with the first message, or with
RANDOM_ID_DUPLICATE. outgoing.py says how to add a kind of content.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from telethon import errors
from telethon.tl import types

from listener.telegram.connection.client import Client
from listener.telegram.operations.find_sent import find_sent
from listener.telegram.operations.outgoing import MessageMade, Outgoing, Part, SendAttempts, SendTarget, Sent
from listener.telegram.operations.recipients import moved_group, resolve
from listener.telegram.operations.send_options import common_fields
from listener.telegram.peers.peer_cache import PeerCache
from listener.telegram.requests.errors import translate
from listener.telegram.requests.unreadable import Unreadable
from listener.telegram.updates.recent_sends import RecentSends
from shared.errors import AvioError, Code

INCONCLUSIVE = {Code.FLOOD_WAIT, Code.SLOW_MODE, Code.PEER_FLOOD, Code.ACCOUNT_FROZEN, Code.NOT_AUTHORIZED, Code.TELEGRAM_ERROR}
"""Refusals of a repeat that say nothing about the first attempt: it may have sent the message, or even have caused the refusal."""

UPLOAD_GONE = (errors.FilePartsInvalidError, errors.FilePart0MissingError, errors.FilePartMissingError)
"""Refusals of a repeat whose uploaded file is gone: perhaps the first attempt has made a message of it."""

REFUSED_WHERE_MOVED = {
    Code.PEER_NOT_FOUND,
    Code.WRITE_FORBIDDEN,
    Code.ADMIN_REQUIRED,
    Code.NOT_A_MEMBER,
    Code.REFUSED_BY_TELEGRAM,
    Code.FORBIDDEN_BY_TELEGRAM,
}
"""Refusals of a basic group that has become a supergroup: Telegram documents none, so each that may be is looked into."""


async def send(
    client: Client, peers: PeerCache, recent_sends: RecentSends, self_id: int, message: Outgoing, attempts: SendAttempts
) -> Sent:
    """Make one attempt to send something. Safe to repeat with the same random ids: what `attempts` says is sent is not sent again.

    Raises AvioError for Telegram's refusals, ConnectionError or TimeoutError if Telegram did not answer. If Telegram only calls a repeat
    a duplicate, or its answer cannot be read, finds the messages in the history since the first attempt. Keeps `attempts.maybe_sent`
    right, also when cancelled.
    """
    options = message.options
    chat_id, peer = await resolve(client, peers, self_id, message.to, import_contact=options.import_contact)
    target = SendTarget(client, peers, self_id, chat_id, peer, await common_fields(client, peers, self_id, options))
    try:
        return await _send_to(target, recent_sends, message, attempts)
    except AvioError as refusal:
        if refusal.code not in REFUSED_WHERE_MOVED or not (moved := await moved_group(client, peers, chat_id, peer)):
            raise
    return await _send_to(replace(target, chat_id=moved[0], peer=moved[1]), recent_sends, message, attempts)


async def _send_to(target: SendTarget, recent_sends: RecentSends, message: Outgoing, attempts: SendAttempts) -> Sent:
    for part in await message.content.parts(target, message.random_ids):
        if not all(random_id in attempts.sent for random_id in part.random_ids):
            made = await _send_part(target, recent_sends, part, attempts)
            attempts.sent |= zip(part.random_ids, made, strict=True)
            attempts.maybe_sent = False
    return Sent(target.chat_id, tuple(attempts.sent[random_id] for random_id in message.random_ids))


async def _send_part(target: SendTarget, recent_sends: RecentSends, part: Part, attempts: SendAttempts) -> tuple[MessageMade, ...]:
    before, attempts.maybe_sent = attempts.maybe_sent, True
    try:
        answer = await target.client.invoke(part.request)
    except errors.RandomIdDuplicateError:
        made = await find_sent(target, recent_sends, part, attempts.began_at)
    except Unreadable as error:
        read = [_message_id_in(error.items, random_id) for random_id in part.random_ids]
        if all(read):
            made = tuple(MessageMade(message_id, attempts.began_at.replace(microsecond=0)) for message_id in read if message_id)
        else:
            made = await find_sent(target, recent_sends, part, attempts.began_at)
    except errors.RPCError as error:
        if before and isinstance(error, UPLOAD_GONE):
            return _noted(target, recent_sends, part, await find_sent(target, recent_sends, part, attempts.began_at))
        refusal = _refusal(error, target, part)
        if refusal.code is not Code.TELEGRAM_UNAVAILABLE:  # a fault of Telegram does not tell whether the message was sent
            attempts.maybe_sent = before and refusal.code in INCONCLUSIVE
        raise attempts.refused(refusal) from error
    else:
        target.peers.learn([*getattr(answer, "users", ()), *getattr(answer, "chats", ())])
        made = outcome(answer, part.random_ids)
    return _noted(target, recent_sends, part, made)


def _noted(target: SendTarget, recent_sends: RecentSends, part: Part, made: tuple[MessageMade, ...]) -> tuple[MessageMade, ...]:
    for random_id, one in zip(part.random_ids, made, strict=True):
        recent_sends.note(random_id, target.chat_id, one.id)
    return made


def _refusal(error: errors.RPCError, target: SendTarget, part: Part) -> AvioError:
    if isinstance(error, errors.MsgIdInvalidError):
        if isinstance(target.peer, types.InputPeerUserFromMessage):
            return AvioError(Code.PEER_NOT_FOUND)
        if target.common.get("reply_to"):
            return AvioError(Code.REPLY_NOT_FOUND)
    return translate(error)


def outcome(answer: Any, random_ids: Iterable[int]) -> tuple[MessageMade, ...]:
    """Return the messages that an answer names, one for each random id; raise `outcome_unknown` if one is missing."""
    if isinstance(answer, types.UpdateShortSentMessage):
        return (MessageMade(answer.id, answer.date),)
    found = [_message_id_in(getattr(answer, "updates", ()), random_id) for random_id in random_ids]
    if not all(found):
        raise AvioError(Code.OUTCOME_UNKNOWN)
    return tuple(MessageMade(message_id, _date_of(answer, message_id)) for message_id in found if message_id)


def _message_id_in(updates: Iterable[Any], random_id: int) -> int | None:
    """Return the id of the message that a send became, if the updates name it."""
    found = (update.id for update in updates if isinstance(update, types.UpdateMessageID) and update.random_id == random_id)
    return next(found, None)


def _date_of(answer: Any, message_id: int) -> datetime:
    messages: list[Any] = [getattr(update, "message", None) for update in answer.updates]
    dates = (message.date for message in messages if getattr(message, "id", None) == message_id)
    return next(dates, answer.date)  # type: ignore[no-any-return]
