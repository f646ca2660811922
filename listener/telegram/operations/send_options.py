"""How something is sent: from a command's fields to those that Telegram's requests to send have in common."""

from __future__ import annotations

import re
from typing import Any

from telethon.tl import types

from listener.telegram.connection.client import Client
from listener.telegram.operations.outgoing import Quote, SendOptions
from listener.telegram.operations.recipients import resolve
from listener.telegram.peers.peer_cache import PeerCache
from shared.errors import AvioError, Code
from shared.rpc.delivery_options import DeliveryOptions

GENERAL_TOPIC = 1
"""A forum's first topic: messages without a topic are in it. https://core.telegram.org/api/forum"""
_MESSAGE_ID = re.compile(r"[0-9]{1,10}")


def options_of(command: DeliveryOptions) -> SendOptions:
    """Return how a command wants to be sent; raise `invalid_request` for ids that are not Telegram's."""
    return SendOptions(
        reply_to=message_number(command.reply_to) if command.reply_to is not None else None,
        quote=Quote(command.quote.text, command.quote.offset) if command.quote else None,
        thread_id=message_number(command.thread_id) if command.thread_id is not None else None,
        silent=command.silent,
        schedule_at=command.schedule_at,
        send_as=command.send_as,
        import_contact=command.phone_lookup == "import",
        began_at=command.began_at,
    )


def message_number(message_id: str) -> int:
    """Return a message's id as Telegram's number."""
    if not _MESSAGE_ID.fullmatch(message_id):
        raise AvioError(Code.INVALID_REQUEST)
    return int(message_id)


async def common_fields(client: Client, peers: PeerCache, self_id: int, options: SendOptions) -> dict[str, Any]:
    """Return the fields that all of Telegram's requests to send have; raise what finding `send_as` raises."""
    return {
        "reply_to": _reply(options),
        "silent": options.silent or None,
        "schedule_date": options.schedule_at,
        "send_as": (await resolve(client, peers, self_id, options.send_as))[1] if options.send_as else None,
    }


def _reply(options: SendOptions) -> Any | None:
    """Return the reply. A message in a topic that answers none there answers the message that began the topic."""
    topic = options.thread_id if options.thread_id != GENERAL_TOPIC else None
    if options.reply_to is None:
        return types.InputReplyToMessage(topic) if topic else None
    quote = options.quote
    return types.InputReplyToMessage(
        options.reply_to,
        top_msg_id=topic,
        quote_text=quote.text if quote else None,
        quote_offset=quote.offset if quote else None,
    )
