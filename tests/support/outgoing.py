"""Sends of a text, for tests that are about other things."""

from __future__ import annotations

from listener.telegram.operations.outgoing import Outgoing, SendOptions
from listener.telegram.operations.send_text import Text


def text_to(to: str, text: str, random_id: int = 1, reply_to: int | None = None) -> Outgoing:
    return Outgoing(to, Text(text), (random_id,), SendOptions(reply_to=reply_to))
