"""Answers and pushes that cannot be read: they hold a constructor that our layer does not know. New layers bring such constructors.

TL has no lengths inside an object, so nothing behind such a constructor can be read. What comes before it can be read, and messages of a
container have lengths of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from telethon import errors
from telethon.crypto import AES
from telethon.extensions import BinaryReader
from telethon.tl import types
from telethon.tl.core import MessageContainer, TLMessage

_LISTS = {
    kind.CONSTRUCTOR_ID: offset
    for kind, offset in {
        types.Updates: 4,
        types.UpdatesCombined: 4,
        types.messages.Dialogs: 4,
        types.messages.DialogsSlice: 8,
        types.messages.PeerDialogs: 4,
    }.items()
}
"""The byte offset of an answer's first list, by the answer's constructor."""


class Unreadable(errors.RPCError):  # type: ignore[misc]  # Telethon has no types
    """An answer that could not be read. `items` are the readable items at the beginning of its first list.

    Telethon's own error quotes the answer, so it is never kept or raised further.
    """

    def __init__(self, request: Any, constructor: int, body: bytes = b"") -> None:
        super().__init__(request, f"UNREADABLE_{constructor:08X}", 0)
        self.constructor = f"{constructor:08x}"
        self.items = _items(body)


@dataclass(frozen=True, slots=True)
class Unread:
    """Stands for a pushed object that could not be read."""

    constructor: int
    CONSTRUCTOR_ID: ClassVar[int] = -1


def content(data: bytes) -> Any:
    """Return the pushed object, or container of objects, with `Unread` in place of each object that cannot be read."""
    if _constructor(data) != MessageContainer.CONSTRUCTOR_ID:
        return _read(data)
    reader = BinaryReader(data[4:])
    messages = []
    for _ in range(reader.read_int()):
        msg_id, seq_no, length = reader.read_long(), reader.read_int(), reader.read_int()
        messages.append(TLMessage(msg_id, seq_no, _read(reader.read(length))))
    return MessageContainer(messages)


def decrypted(state: Any, decrypt: Callable[[bytes], Any], body: bytes) -> Any:
    """Return a server's message as Telethon's own function does, but with `Unread` in place of what cannot be read."""
    try:
        return decrypt(body)
    except errors.TypeNotFoundError:  # raised after the message was verified
        reader = BinaryReader(AES.decrypt_ige(body[24:], *state._calc_key(state.auth_key.key, body[8:24], False)))
        reader.read(16)  # salt, session
        msg_id, seq_no, length = reader.read_long(), reader.read_int(), reader.read_int()
        return TLMessage(msg_id, seq_no, content(reader.read(length)))


def _read(data: bytes) -> Any:
    try:
        return BinaryReader(data).tgread_object()
    except errors.TypeNotFoundError as error:
        return Unread(error.invalid_constructor_id)


def _items(body: bytes) -> list[Any]:
    items: list[Any] = []
    offset = _LISTS.get(_constructor(body))
    if offset is not None:
        reader = BinaryReader(body[offset + 4 :])  # after the list's own constructor
        for _ in range(reader.read_int()):
            item = _read_next(reader)
            if item is None:
                break
            items.append(item)
    return items


def _read_next(reader: BinaryReader) -> Any | None:
    try:
        return reader.tgread_object()
    except errors.TypeNotFoundError:
        return None


def _constructor(data: bytes) -> int:
    return int.from_bytes(data[:4], "little")
