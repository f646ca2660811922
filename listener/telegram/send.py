"""Sending, once.

`random_id` is chosen by whoever asked and stays the same over every try: Telegram answers a repeat with the first message, or with
RANDOM_ID_DUPLICATE.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from telethon import errors, utils
from telethon.tl import functions, types

from listener.telegram.client import Client
from listener.telegram.errors import translate
from listener.telegram.peers import PeerBook
from shared.errors import AvioError, Code

LOOKED_BACK = 20


@dataclass(frozen=True)
class Outgoing:
    """A message to send. `to` is `me`, `@username` or a marked id as a string."""

    to: str
    text: str
    reply_to: int | None
    random_id: int


@dataclass(frozen=True)
class Sent:
    """Where and as what it was sent."""

    chat_id: int
    message_id: int
    date: datetime


async def send(client: Client, peers: PeerBook, self_id: int, message: Outgoing, since: datetime) -> Sent:
    """Send a message; raises AvioError for what Telegram refuses, ConnectionError or TimeoutError where it is unknown whether it was sent.

    Safe to run twice with the same `random_id`. `since` is when the first try began: a repeat that Telegram only calls a duplicate is
    looked up in the history from then.
    """
    chat_id, peer = await resolve(client, peers, self_id, message.to)
    reply = types.InputReplyToMessage(message.reply_to) if message.reply_to else None
    request = functions.messages.SendMessageRequest(peer, message.text, random_id=message.random_id, reply_to=reply)
    try:
        answer = await client.invoke(request)
    except errors.RandomIdDuplicateError:
        return await _sent_before(client, peer, chat_id, message, since)
    except errors.RPCError as error:
        raise translate(error) from error
    peers.learn([*getattr(answer, "users", ()), *getattr(answer, "chats", ())])
    return Sent(chat_id, *_outcome(answer, message.random_id))


async def resolve(client: Client, peers: PeerBook, self_id: int, to: str) -> tuple[int, Any]:
    """Return the marked id and the input peer of a recipient; raises `user_not_found` or `peer_not_found`."""
    if to == "me" or to == str(self_id):
        return self_id, types.InputPeerSelf()
    if to.startswith("@"):
        return await _by_username(client, peers, to[1:])
    peer = await peers.input_peer(int(to))
    if peer is None:
        raise AvioError(Code.PEER_NOT_FOUND)
    return int(to), peer


async def _by_username(client: Client, peers: PeerBook, username: str) -> tuple[int, Any]:
    known = peers.by_username(username)
    if known is None or known.peer.access_hash is None:
        try:
            answer = await client.invoke(functions.contacts.ResolveUsernameRequest(username))
        except errors.RPCError as error:
            raise translate(error) from error
        peers.learn([*answer.users, *answer.chats])
        known = peers.known(utils.get_peer_id(answer.peer))
    peer = await peers.input_peer(known.peer.id) if known else None
    if known is None or peer is None:
        raise AvioError(Code.USER_NOT_FOUND)
    return known.peer.id, peer


def _outcome(answer: Any, random_id: int) -> tuple[int, datetime]:
    if isinstance(answer, types.UpdateShortSentMessage):
        return answer.id, answer.date
    for update in getattr(answer, "updates", ()):
        if isinstance(update, types.UpdateMessageID) and update.random_id == random_id:
            return update.id, _date_of(answer, update.id)
    raise AvioError(Code.OUTCOME_UNKNOWN)


def _date_of(answer: Any, message_id: int) -> datetime:
    messages: list[Any] = [getattr(update, "message", None) for update in answer.updates]
    dates = (message.date for message in messages if getattr(message, "id", None) == message_id)
    return next(dates, answer.date)  # type: ignore[no-any-return]


async def _sent_before(client: Client, peer: Any, chat_id: int, message: Outgoing, since: datetime) -> Sent:
    """Find the message that an earlier try had sent: our own, with this text, not older than that try."""
    request = functions.messages.GetHistoryRequest(peer, 0, None, 0, LOOKED_BACK, 0, 0, 0)
    try:
        answer = await client.invoke(request)
    except errors.RPCError as error:
        raise AvioError(Code.OUTCOME_UNKNOWN) from error
    earliest = since - timedelta(seconds=60)  # Telegram's clock is not ours
    for found in answer.messages:
        if isinstance(found, types.Message) and found.message == message.text and found.date >= earliest and _own(found, peer):
            return Sent(chat_id, found.id, found.date)
    raise AvioError(Code.OUTCOME_UNKNOWN)


def _own(message: types.Message, peer: Any) -> bool:
    return bool(message.out) or isinstance(peer, types.InputPeerSelf)
