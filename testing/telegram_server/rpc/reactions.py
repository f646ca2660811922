"""messages.*: reactions to messages (https://core.telegram.org/api/reactions)."""

from __future__ import annotations

from typing import Any

from telethon.tl import functions, types

from testing.telegram_server.rpc.call import Call
from testing.telegram_server.rpc.editing import message_of
from testing.telegram_server.rpc.errors import bad_request
from testing.telegram_server.rpc.table import Methods
from testing.telegram_server.views.reactions import reactions_update

METHODS = Methods()
EMOJI = ("👍", "👎", "❤", "🔥", "🥰", "👏", "😁", "🤔", "🎉", "😢")
"""The emoji that may be reacted with: some of those of https://core.telegram.org/api/reactions."""
REACTIONS_MAX = 1
"""https://core.telegram.org/api/config#reactions-user-max-default"""


@METHODS.serves(functions.messages.SendReactionRequest)
def send_reaction(call: Call, request: Any) -> Any:
    """Set one's reactions to a message; none takes them away. Custom emoji are for premium accounts, which nobody has here."""
    message = message_of(call, request.peer, request.msg_id)
    reactions = [each for each in request.reaction or [] if not isinstance(each, types.ReactionEmpty)]
    if not all(isinstance(each, types.ReactionEmoji) and each.emoticon.rstrip("\ufe0f") in EMOJI for each in reactions):
        raise bad_request("REACTION_INVALID")
    if len(reactions) > REACTIONS_MAX:
        raise bad_request("REACTIONS_TOO_MANY")
    packed = [bytes(each) for each in reactions]
    before = call.world.reactions.of(message)
    if packed == (before.by_person.get(call.me.id, []) if before else []):
        raise bad_request("MESSAGE_NOT_MODIFIED")
    call.services.talk.react(call.me, message, packed, call.key)
    update = reactions_update(call.world, message, call.me.id)
    return call.services.publisher.updates([update], call.services.company.of(call.key, [message]))
