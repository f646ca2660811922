"""Media that Alice sends to Anna's account, and what the account answers to the command that fetches it."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from typing import Any

from listener.core.account import OwnedAccount
from listener.telegram.operations.get_media import get_media
from shared.rpc.get_media import GetMedia, MediaContent, MediaPending, MediaStored
from testing.telegram_server.control.specs import MediaSpec, SendSpec
from testing.telegram_server.server import TelegramServer
from tests.support.account_scenario import ALICE, ANNA
from tests.support.listener_harness import ListenerHarness, telegram


def picture(width: int = 8, height: int = 6) -> bytes:
    """Return a PNG of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"\x20\x60\xa0" * width for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def content(size: int) -> bytes:
    """Return bytes of which no two parts are alike."""
    return b"".join(struct.pack(">Q", number) for number in range(size // 8 + 1))[:size]


def send_media(server: TelegramServer, data: bytes, *, thumbnail: bytes | None = None, sender: str = ALICE, **more: Any) -> dict[str, Any]:
    """Have somebody send Anna a file."""
    shown = b64encode(thumbnail) if thumbnail else None
    return server.messages.send(sender, SendSpec(to=ANNA, media=MediaSpec(content=b64encode(data), thumbnail=shown, **more)))


async def media_of_next(harness: ListenerHarness) -> dict[str, Any]:
    """Wait for the next event, and return its media."""
    (event,) = await harness.queued(1)
    media: dict[str, Any] = event["message"]["media"]
    return media


async def fetch(account: OwnedAccount, media_id: str, *, thumbnail: bool = False) -> MediaContent | MediaStored | MediaPending:
    """Run the command."""
    return await get_media(telegram(account), GetMedia(media_id=media_id, thumbnail=thumbnail))
