"""Reactions to a message as one account sees them (https://core.telegram.org/api/reactions)."""

from __future__ import annotations

from typing import Any

from telethon.extensions import BinaryReader
from telethon.tl import types

from testing.telegram_server.model.message import Message
from testing.telegram_server.model.world import World
from testing.telegram_server.views.peers import peer_object


def reactions_object(world: World, message: Message, viewer: int) -> Any:
    """Return the reactions to a message, None if there never was one. Who reacted is shown except in channels."""
    found = world.reactions.of(message)
    if found is None:
        return None
    counts: dict[bytes, int] = {}
    for reactions in found.by_person.values():
        for reaction in reactions:
            counts[reaction] = counts.get(reaction, 0) + 1
    own = found.by_person.get(viewer, [])
    results = [types.ReactionCount(_read(each), count, own.index(each) + 1 if each in own else None) for each, count in counts.items()]
    recent = [
        types.MessagePeerReaction(peer_object(person), found.dates[person], _read(reaction), my=person == viewer)
        for person, reactions in found.by_person.items()
        for reaction in reactions
    ]
    return types.MessageReactions(results, can_see_list=not message.post, recent_reactions=None if message.post else recent)


def reactions_update(world: World, message: Message, viewer: int) -> Any:
    """Return the update that tells of a change: it has no pts (https://core.telegram.org/constructor/updateMessageReactions)."""
    reactions = reactions_object(world, message, viewer) or types.MessageReactions([])
    return types.UpdateMessageReactions(peer_object(message.peer), message.id, reactions)


def _read(reaction: bytes) -> Any:
    return BinaryReader(reaction).tgread_object()
