"""Sending, once.

`random_id` is chosen by whoever asked and stays the same over every try: Telegram answers a repeat with the first message, or with
RANDOM_ID_DUPLICATE.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from telethon import errors, utils
from telethon.tl import functions, types

from listener.telegram.connection.client import Client
from listener.telegram.connection.unreadable import Unreadable
from listener.telegram.operations.errors import translate
from listener.telegram.operations.recent_sends import RecentSends
from listener.telegram.peers.peer_book import Known, PeerBook, input_of
from shared.errors import AvioError, Code

SAYS_NOTHING = {Code.FLOOD_WAIT, Code.SLOW_MODE, Code.PEER_FLOOD, Code.ACCOUNT_FROZEN, Code.NOT_AUTHORIZED, Code.TELEGRAM_ERROR}
"""What a repeat may be refused with although the first try has sent the message, or even because it has."""

LOOKED_BACK = 100
CLOCKS_APART = timedelta(seconds=60)


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


@dataclass
class Tries:
    """How often one message was tried. `since` is when the first try began; `open` that one of them may have sent it."""

    since: datetime
    open: bool = False


async def send(client: Client, peers: PeerBook, given: RecentSends, self_id: int, message: Outgoing, tries: Tries) -> Sent:
    """Send a message; raises AvioError for what Telegram refuses, ConnectionError or TimeoutError where it did not answer.

    Safe to run twice with the same `random_id`. A repeat that Telegram only calls a duplicate, and a message that was sent but whose
    answer cannot be read, are looked up in the history since the first try. `tries.open` tells whether it may have been sent; cancelling
    leaves that right.
    """
    chat_id, peer = await resolve(client, peers, self_id, message.to)
    reply = types.InputReplyToMessage(message.reply_to) if message.reply_to else None
    request = functions.messages.SendMessageRequest(peer, message.text, random_id=message.random_id, reply_to=reply)
    before, tries.open = tries.open, True
    try:
        answer = await client.invoke(request)
    except errors.RandomIdDuplicateError:
        sent = await _sent_before(client, given, peer, chat_id, message, tries.since)
    except Unreadable as error:
        if number := _number(error.items, message.random_id):
            sent = Sent(chat_id, number, tries.since.replace(microsecond=0))
        else:
            sent = await _sent_before(client, given, peer, chat_id, message, tries.since)
    except errors.RPCError as error:
        told = _refusal(error, peer, message)
        if told.code is not Code.TELEGRAM_UNAVAILABLE:  # a fault of Telegram's own says nothing of what was done
            tries.open = before and told.code in SAYS_NOTHING
        raise told from error
    else:
        peers.learn([*getattr(answer, "users", ()), *getattr(answer, "chats", ())])
        sent = Sent(chat_id, *_outcome(answer, message.random_id))
    given.note(message.random_id, chat_id, sent.message_id)
    return sent


def _refusal(error: errors.RPCError, peer: Any, message: Outgoing) -> AvioError:
    if isinstance(error, errors.MsgIdInvalidError):
        if isinstance(peer, types.InputPeerUserFromMessage):
            return AvioError(Code.PEER_NOT_FOUND)
        if message.reply_to:
            return AvioError(Code.REPLY_NOT_FOUND)
    return translate(error)


async def resolve(client: Client, peers: PeerBook, self_id: int, to: str) -> tuple[int, Any]:
    """Return the marked id and the input peer of a recipient; raises `user_not_found` or `peer_not_found`."""
    if to == "me" or to == str(self_id):
        return self_id, types.InputPeerSelf()
    if to.startswith("@"):
        return await _by_username(client, peers, to[1:])
    for peer in await peers.input_peers(int(to)):
        if whole := await _whole(client, peers, peer):
            return int(to), whole
    known = peers.known(int(to))  # what names it whole may have come meanwhile
    if known and not known.is_min:
        return int(to), input_of(known.peer)
    raise AvioError(Code.PEER_NOT_FOUND)


async def _whole(client: Client, peers: PeerBook, peer: Any) -> Any | None:
    """Return what names a peer by id and hash: a `min` user is asked for once, by the message that names them, and then known for good.

    The peer itself where Telegram gives no hash; None where the message is gone, or the chat it was in.
    """
    if not isinstance(peer, types.InputPeerUserFromMessage):
        return peer
    try:
        users = await client.invoke(functions.users.GetUsersRequest([types.InputUserFromMessage(peer.peer, peer.msg_id, peer.user_id)]))
    except errors.MsgIdInvalidError:
        return None
    except errors.RPCError as error:
        if (told := translate(error)).code is Code.PEER_NOT_FOUND:
            return None
        raise told from error
    peers.learn(users)
    if not any(isinstance(user, types.User) for user in users):
        return None
    known = peers.known(peer.user_id)
    return (input_of(known.peer) if known else None) or peer


async def _by_username(client: Client, peers: PeerBook, username: str) -> tuple[int, Any]:
    known = peers.by_username(username)
    if known and not known.is_min and not peers.fresh(known):
        await _look_again(client, peers, known)
        known = peers.by_username(username)
    if known is None or known.is_min or not peers.fresh(known):
        known = await _looked_up(client, peers, username)
    peer = input_of(known.peer) if known else None
    if known is None or peer is None:
        raise AvioError(Code.USER_NOT_FOUND)
    return known.id, peer


async def _look_again(client: Client, peers: PeerBook, known: Known) -> None:
    """Have Telegram tell of a peer anew, and so whether a username is still its own.

    Looking the username up would tell the same, but Telegram allows each account only so many of those, and then makes it wait for hours.
    """
    real_id, _ = utils.resolve_id(known.id)
    try:
        if known.kind == "user":
            peers.learn(await client.invoke(functions.users.GetUsersRequest([types.InputUser(real_id, known.access_hash)])))
        else:
            request = functions.channels.GetChannelsRequest([types.InputChannel(real_id, known.access_hash)])
            peers.learn((await client.invoke(request)).chats)
    except errors.RPCError:
        return  # then it is looked up


async def _looked_up(client: Client, peers: PeerBook, username: str) -> Known | None:
    try:
        answer = await client.invoke(functions.contacts.ResolveUsernameRequest(username))
    except errors.RPCError as error:
        raise translate(error) from error
    peers.learn([*answer.users, *answer.chats])
    return peers.known(utils.get_peer_id(answer.peer))


def _outcome(answer: Any, random_id: int) -> tuple[int, datetime]:
    if isinstance(answer, types.UpdateShortSentMessage):
        return answer.id, answer.date
    number = _number(getattr(answer, "updates", ()), random_id)
    if number is None:
        raise AvioError(Code.OUTCOME_UNKNOWN)
    return number, _date_of(answer, number)


def _number(updates: Iterable[Any], random_id: int) -> int | None:
    """Return the message that a send became, where Telegram names it."""
    return next((one.id for one in updates if isinstance(one, types.UpdateMessageID) and one.random_id == random_id), None)


def _date_of(answer: Any, message_id: int) -> datetime:
    messages: list[Any] = [getattr(update, "message", None) for update in answer.updates]
    dates = (message.date for message in messages if getattr(message, "id", None) == message_id)
    return next(dates, answer.date)  # type: ignore[no-any-return]


async def _sent_before(client: Client, given: RecentSends, peer: Any, chat_id: int, message: Outgoing, since: datetime) -> Sent:
    """Find the message that an earlier try had sent: by its number where that was told, or else in what the history has since that try."""
    known = given.message_of(message.random_id)
    request = functions.messages.GetHistoryRequest(peer, known + 1 if known else 0, None, 0, 1 if known else LOOKED_BACK, 0, 0, 0)
    try:
        answer = await client.invoke(request)
    except errors.RPCError as error:
        raise AvioError(Code.OUTCOME_UNKNOWN) from error
    found = [one for one in answer.messages if isinstance(one, types.Message) and _own(one, peer)]
    if known:
        sent = next((one for one in found if one.id == known), None)
    else:
        sent = likeliest([one for one in found if one.message == message.text and not given.is_anothers(chat_id, one.id)], since)
    if sent is None:
        raise AvioError(Code.OUTCOME_UNKNOWN)
    return Sent(chat_id, sent.id, sent.date)


def likeliest(found: list[Any], since: datetime) -> Any | None:
    """Return which of several messages of one text, the newest first, a send became that was first tried at `since`.

    The oldest since then. Telegram's clock is not ours: where there is none, the newest of the minute before.
    """
    after = [one for one in found if one.date >= since.replace(microsecond=0)]  # Telegram's dates are whole seconds
    before = [one for one in found if since - CLOCKS_APART <= one.date < since]
    return after[-1] if after else before[0] if before else None


def _own(message: types.Message, peer: Any) -> bool:
    return bool(message.out) or isinstance(peer, types.InputPeerSelf)
