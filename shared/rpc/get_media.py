"""The command that fetches media of a message: from the messenger, or from where an earlier fetch has left it."""

from __future__ import annotations

from pydantic import Base64Bytes, Field

from shared.rpc.command import Command, Result

INLINE_BYTES = 4 << 20
"""What is answered as it is. Lambda answers with 6 MB at most, in base64: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html."""


class MediaContent(Result):
    """The media itself, where it is small."""

    content: Base64Bytes = Field(repr=False)
    mime_type: str
    file_name: str | None = Field(default=None, repr=False)


class MediaStored(Result):
    """Where larger media is in the bucket."""

    key: str
    mime_type: str
    file_name: str | None = Field(default=None, repr=False)


class MediaPending(Result):
    """The download goes on: ask again after these seconds."""

    retry_after_seconds: int


class GetMedia(Command[MediaContent | MediaStored | MediaPending]):
    """Fetch media. `media_id` is that of an event."""

    name = "media/get"
    since = 4
    repeatable = True

    media_id: str
    thumbnail: bool = False
