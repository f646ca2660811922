"""Chats as TL objects."""

from __future__ import annotations

from typing import Any

from telethon.tl import types

from testing.telegram_server.model.peer import bare, is_channel


def peer_object(peer: int) -> Any:
    """Return a chat's number as a Peer."""
    if peer > 0:
        return types.PeerUser(peer)
    return types.PeerChannel(bare(peer)) if is_channel(peer) else types.PeerChat(bare(peer))
