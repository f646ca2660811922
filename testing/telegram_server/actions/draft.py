"""A message before it is sent."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be sent, as the sender wrote it; `reply_to` in the sender's own numbering."""

    text: str
    entities: bytes = b""
    reply_to: int | None = None
    file: int | None = None
    spoiler: bool = False
    silent: bool = False
    random_id: int | None = None
    action: bytes = b""
    album: int | None = None
