"""messages.forwardMessages (https://core.telegram.org/method/messages.forwardMessages)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from telethon.tl import functions, types

from testing.telegram_server.actions.draft import Draft
from testing.telegram_server.model.dialog import dialog_of
from testing.telegram_server.model.message import Message
from testing.telegram_server.rpc.call import Call
from testing.telegram_server.rpc.errors import RpcError, bad_request
from testing.telegram_server.rpc.peers import number, peer_of
from testing.telegram_server.rpc.rights import check_may_write
from testing.telegram_server.rpc.table import Methods
from testing.telegram_server.views.messages import event_update, forward_header
from testing.telegram_server.views.peers import peer_object

METHODS = Methods()


@METHODS.serves(functions.messages.ForwardMessagesRequest)
def forward_messages(call: Call, request: Any) -> Any:
    """Send copies of messages, each under its random_id; what is not there is passed over, and nothing at all is an error."""
    source, peer = number(peer_of(call, request.from_peer)), peer_of(call, request.to_peer)
    check_may_write(call.world, call.me, peer)
    if len(request.id) != len(request.random_id):
        raise bad_request("RANDOM_ID_INVALID")
    box = dialog_of(call.world, call.me.id, source).box
    originals = [(box.messages.get(i), random_id) for i, random_id in zip(request.id, request.random_id, strict=True)]
    there = [(original, random_id) for original, random_id in originals if original and original.peer == source and not original.action]
    if not there:
        raise bad_request("MESSAGE_ID_INVALID")
    sent = []
    for original, random_id in there:
        message = call.services.talk.sent_before(call.me, random_id)
        if message is not None and call.services.settings.repeated_random_id == "error":
            raise RpcError(500, "RANDOM_ID_DUPLICATE")
        sent.append((message or call.services.talk.send(call.me, peer, _draft(original, request, random_id), call.key), random_id))
    updates: list[Any] = [types.UpdateMessageID(message.id, random_id) for message, random_id in sent]
    updates += [event_update(call.world, message, call.me.id) for message, _ in sent]
    return call.services.publisher.updates(updates, call.services.company.of(call.key, [message for message, _ in sent]))


def _draft(original: Message, request: Any, random_id: int) -> Draft:
    header = forward_header(original) or types.MessageFwdHeader(
        date=datetime.fromtimestamp(original.date, UTC), from_id=peer_object(original.peer if original.post else original.sender)
    )
    return Draft(
        text=original.text,
        entities=original.entities,
        file=original.file,
        silent=bool(request.silent),
        random_id=random_id,
        topic=request.top_msg_id,
        forward=b"" if request.drop_author else bytes(header),
    )
