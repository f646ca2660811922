"""Chats as one number: people above zero, basic groups below, channels and supergroups below -10^12.

https://core.telegram.org/api/bots/ids
"""

from __future__ import annotations

CHANNEL_BASE = 1_000_000_000_000


def is_channel(peer: int) -> bool:
    """Tell whether a chat has a message box and pts of its own: a supergroup or channel."""
    return peer < -CHANNEL_BASE


def group_peer(group_id: int) -> int:
    return -group_id


def channel_peer(channel_id: int) -> int:
    return -CHANNEL_BASE - channel_id


def bare(peer: int) -> int:
    """Return the id as the schema has it, which alone does not tell the kind of chat."""
    return -peer - CHANNEL_BASE if is_channel(peer) else abs(peer)
