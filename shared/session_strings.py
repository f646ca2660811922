"""Session strings of other libraries: the data centre, the key, and whose session it is, as far as each says so.

    telethon   "1" + base64url: dc 1, IPv4 4 or IPv6 16, port 2, key 256      telethon/sessions/string.py
    gramjs     "1" + base64: dc 1, length 2, address, port 2, key 256         gramjs/sessions/StringSession.ts
    pyrogram   base64url without "=": dc 1, api id 4, test 1, key 256, user 8, bot 1; earlier without api id, and with a user of 4 bytes
                                                                              pyrogram/storage/storage.py (Kurigram, Pyrofork)
    mtcute     base64url without "=", TL: 3, flags 4, dc, dc for media?, user and bot?, key     @mtcute/core/utils/string-session.ts

All numbers are big-endian but TL's. The addresses in a string are passed over: a worker connects to Telegram's own addresses and no others.
No error repeats anything of a string: who has the string has the account.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from shared.errors import AvioError, Code

KEY_BYTES = 256
MAX_LENGTH = 1024
_ALPHABET = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_TRUE, _FALSE = 0x997275B5, 0xBC799737
_HAS_SELF, _TEST, _HAS_MEDIA = 1, 2, 4


class SessionFormat(StrEnum):
    """Whose string it is."""

    TELETHON = "telethon"
    PYROGRAM = "pyrogram"
    GRAMJS = "gramjs"
    MTCUTE = "mtcute"


@dataclass(frozen=True)
class ForeignSession:
    """What a string holds. `user_id` is None where the format has none."""

    dc_id: int
    auth_key: bytes = field(repr=False)
    user_id: int | None = None


class _Wrong(Exception):
    """What is wrong with a string, in words that repeat nothing of it."""


def read(text: str, given: SessionFormat | None = None) -> ForeignSession:
    """Read a string of a format, or of the one that it shows; raises `invalid_session`, which says what is wrong with it."""
    text = text.strip()
    try:
        kind = given or _detected(text)
        found = _READERS[kind](text)
        _check(found)
    except _Wrong as wrong:
        named = f"This is no {given} session string: " if given else ""
        raise AvioError(Code.INVALID_SESSION, f"{named}{wrong}") from None
    return found


def _detected(text: str) -> SessionFormat:
    """Tell the formats apart: by the version that begins them, and by their lengths."""
    if text.startswith("1"):
        data = _decoded(text[1:])
        return SessionFormat.GRAMJS if _names_its_length(data) else SessionFormat.TELETHON
    data = _decoded(text)
    if len(data) in _PYROGRAM:
        return SessionFormat.PYROGRAM
    if data[:1] == b"\x03":
        return SessionFormat.MTCUTE
    raise _Wrong(
        "This is no session string of Telethon, Pyrogram (Kurigram), GramJS or mtcute: neither beginning nor length is that of one. "
        "Copy it whole, and give `format` if you know it."
    )


def _names_its_length(data: bytes) -> bool:
    return len(data) > 3 and int.from_bytes(data[1:3], "big") == len(data) - 5 - KEY_BYTES


def _telethon(text: str) -> ForeignSession:
    data = _decoded(_versioned(text))
    if _names_its_length(data):
        raise _Wrong("it is one of GramJS.")
    if len(data) not in (_TELETHON_V4, _TELETHON_V6):
        raise _Wrong(f"it holds {len(data)} bytes, and Telethon's hold {_TELETHON_V4} (IPv4) or {_TELETHON_V6} (IPv6).")
    return ForeignSession(data[0], data[-KEY_BYTES:])


def _gramjs(text: str) -> ForeignSession:
    data = _decoded(_versioned(text))
    if len(data) == _TELETHON_V4:
        return _telethon(text)  # GramJS takes these as well
    if not _names_its_length(data):
        raise _Wrong("the length of its address does not fit its own length. It may be cut off.")
    return ForeignSession(data[0], data[-KEY_BYTES:])


def _versioned(text: str) -> str:
    if not text.startswith("1"):
        raise _Wrong("it does not begin with the version 1.")
    return text[1:]


_TELETHON_V4, _TELETHON_V6 = 1 + 4 + 2 + KEY_BYTES, 1 + 16 + 2 + KEY_BYTES
_PYROGRAM: dict[int, str] = {struct.calcsize(form): form for form in (">B?256sI?", ">B?256sQ?", ">BI?256sQ?")}


def _pyrogram(text: str) -> ForeignSession:
    data = _decoded(text)
    form = _PYROGRAM.get(len(data))
    if form is None:
        raise _Wrong(f"it holds {len(data)} bytes, and Pyrogram's hold {' or '.join(map(str, _PYROGRAM))}.")
    dc_id, *_, test, auth_key, user_id, bot = struct.unpack(form, data)
    return _a_persons(ForeignSession(dc_id, auth_key, user_id or None), test=test, bot=bot)


def _mtcute(text: str) -> ForeignSession:
    data = _Tl(_decoded(text))
    if (version := data.take(1)[0]) != 3:
        raise _Wrong(f"its version is {version}, and 3 is the one that is read. Export it anew with a present mtcute.")
    flags = data.number(4)
    dc, bot, user_id = data.string(), False, None
    if len(dc) < 3 or dc[0] not in (1, 2):
        raise _Wrong("its data centre cannot be read.")
    if flags & _HAS_MEDIA:
        data.string()
    if flags & _HAS_SELF:
        user_id, told = data.number(8), data.number(4)
        if told not in (_TRUE, _FALSE):
            raise _Wrong("what it says of its user cannot be read.")
        bot = told == _TRUE
    auth_key = data.string()
    data.end()
    return _a_persons(ForeignSession(dc[1], auth_key, user_id), test=bool(flags & _TEST or dc[2] & 4), bot=bot)


def _a_persons(found: ForeignSession, *, test: bool, bot: bool) -> ForeignSession:
    if test:
        raise _Wrong("it belongs to Telegram's test environment.")
    if bot:
        raise _Wrong("it belongs to a bot, and accounts are people's.")
    return found


def _check(found: ForeignSession) -> None:
    if not 1 <= found.dc_id <= 5:
        raise _Wrong(f"it names data centre {found.dc_id}; Telegram has 1 to 5.")
    if len(found.auth_key) != KEY_BYTES:
        raise _Wrong(f"its key has {len(found.auth_key)} bytes in place of {KEY_BYTES}.")
    if not any(found.auth_key):
        raise _Wrong("its key is empty: the session was saved before anybody logged in.")


def _decoded(text: str) -> bytes:
    """Return the bytes of base64 in either alphabet, with or without its padding."""
    if len(text) > MAX_LENGTH:
        raise _Wrong("it is too long.")
    if not _ALPHABET.fullmatch(text):
        raise _Wrong("it holds characters that no session string has. Copy it without quotes, spaces and line breaks.")
    bare = text.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except binascii.Error:
        raise _Wrong("its length is none that base64 can have. It may be cut off.") from None


class _Tl:
    """Reads TL: numbers little-endian, strings with their length and padded to four bytes (https://core.telegram.org/mtproto/serialize)."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) < count:
            raise _Wrong("it ends too early. It may be cut off.")
        self._at += count
        return taken

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "little")

    def string(self) -> bytes:
        head, size = 1, self.take(1)[0]
        if size >= 254:
            head, size = 4, self.number(3)
        found = self.take(size)
        self.take(-(head + size) % 4)
        return found

    def end(self) -> None:
        if self._at != len(self._data):
            raise _Wrong("something follows its end.")


_READERS: dict[SessionFormat, Callable[[str], ForeignSession]] = {
    SessionFormat.TELETHON: _telethon,
    SessionFormat.PYROGRAM: _pyrogram,
    SessionFormat.GRAMJS: _gramjs,
    SessionFormat.MTCUTE: _mtcute,
}
