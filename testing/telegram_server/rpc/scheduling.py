"""messages.*: sending later (https://core.telegram.org/api/scheduled-messages).

Scheduled messages wait in memory, and are sent when that is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from telethon.tl import functions, types

from testing.telegram_server.actions.draft import Draft
from testing.telegram_server.actions.talk import Peer
from testing.telegram_server.model.message import Message
from testing.telegram_server.rpc.call import Call
from testing.telegram_server.rpc.errors import bad_request
from testing.telegram_server.rpc.peers import number, peer_of
from testing.telegram_server.rpc.table import Methods
from testing.telegram_server.views.messages import message_object

METHODS = Methods()
LONGEST_S = 366 * 24 * 3600


def schedule(call: Call, request: Any, drafts: Sequence[Draft], peer: Peer) -> Any:
    """Keep messages for later; a repeated random_id gives the same one. Their ids are of a numbering of its own."""
    at = int(request.schedule_date.timestamp())
    if at <= call.now:
        raise bad_request("SCHEDULE_DATE_INVALID")
    if at > call.now + LONGEST_S:
        raise bad_request("SCHEDULE_DATE_TOO_LATE")
    messages = [_kept(call, draft, peer, at) for draft in drafts]
    updates: list[Any] = [types.UpdateMessageID(message.id, message.random_id) for message in messages]
    updates += [types.UpdateNewScheduledMessage(_shown(call, message)) for message in messages]
    return call.services.publisher.updates(updates, call.services.company.of(call.key, messages))


def _kept(call: Call, draft: Draft, peer: Peer, at: int) -> Message:
    waiting = _waiting(call, peer)
    message = next((one for one in waiting if one.random_id == draft.random_id), None)
    if message is None:
        call.world.scheduled_ids += 1
        message = Message(
            owner=call.me.id,
            id=call.world.scheduled_ids,
            peer=number(peer),
            sender=call.me.id,
            date=at,
            pts=0,
            reply_to=draft.reply_to,
            random_id=draft.random_id,
            **draft.copied(),
        )
        waiting.append(message)
    elif call.services.settings.repeated_random_id == "error":
        raise bad_request("RANDOM_ID_DUPLICATE")
    return message


@METHODS.serves(functions.messages.GetScheduledHistoryRequest)
def get_scheduled_history(call: Call, request: Any) -> Any:
    waiting = _waiting(call, peer_of(call, request.peer))
    messages = [_shown(call, message) for message in reversed(waiting)]
    return types.messages.Messages(messages=messages, topics=[], **call.services.company.of(call.key, waiting))


@METHODS.serves(functions.messages.SendScheduledMessagesRequest)
def send_scheduled_messages(call: Call, request: Any) -> Any:
    """Send messages now."""
    peer = peer_of(call, request.peer)
    for message in [one for one in _waiting(call, peer) if one.id in request.id]:
        _waiting(call, peer).remove(message)
        call.services.talk.send(call.me, peer, _draft(message))
    return call.services.publisher.updates([], call.services.company.of(call.key, []))


def _draft(message: Message) -> Draft:
    names = Draft("").copied()
    return replace(Draft(**{name: getattr(message, name) for name in names}), reply_to=message.reply_to)


def _waiting(call: Call, peer: Peer) -> list[Message]:
    return call.world.scheduled.setdefault((call.me.id, number(peer)), [])


def _shown(call: Call, message: Message) -> Any:
    shown = message_object(call.world, message, call.me.id)
    shown.from_scheduled, shown.date = True, datetime.fromtimestamp(message.date, UTC)
    return shown
