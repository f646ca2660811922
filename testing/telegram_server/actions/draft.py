"""A message before it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


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
    quote: str = ""
    quote_offset: int | None = None
    topic: int | None = None
    forward: bytes = b""
    album: int | None = None

    def copied(self) -> dict[str, Any]:
        """Return the fields that every copy of the message has, whatever the chat."""
        return {
            "text": self.text,
            "entities": self.entities,
            "file": self.file,
            "spoiler": self.spoiler,
            "silent": self.silent,
            "quote": self.quote,
            "quote_offset": self.quote_offset,
            "topic": self.topic,
            "forward": self.forward,
            "album": self.album,
        }
