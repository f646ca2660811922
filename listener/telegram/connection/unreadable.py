"""What Telegram says and our layer cannot read: an answer or push that holds a constructor unknown to it, which comes with new layers.

TL has no lengths inside an object, so nothing behind such a constructor can be read. What comes before it can, and messages of a container
have lengths of their own.
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
"""Where the first list of an answer begins, in bytes."""


class Unreadable(errors.RPCError):  # type: ignore[misc]  # Telethon has no types
    """An answer to a request that could not be read. `items` are those of its first list that could.

    Telethon's own error for this quotes the answer, so it is never kept or raised further.
    """

    def __init__(self, request: Any, constructor: int, body: bytes = b"") -> None:
        super().__init__(request, f"UNREADABLE_{constructor:08X}", 0)
        self.constructor = f"{constructor:08x}"
        self.items = _items(body)


@dataclass(frozen=True, slots=True)
class Unread:
    """What stands for a pushed object that could not be read."""

    constructor: int
    CONSTRUCTOR_ID: ClassVar[int] = -1


def content(data: bytes) -> Any:
    """Return what was pushed: an object, or a container of several, with `Unread` in place of each that cannot be read."""
    if _constructor(data) != MessageContainer.CONSTRUCTOR_ID:
        return _read(data)
    reader = BinaryReader(data[4:])
    messages = []
    for _ in range(reader.read_int()):
        msg_id, seq_no, length = reader.read_long(), reader.read_int(), reader.read_int()
        messages.append(TLMessage(msg_id, seq_no, _read(reader.read(length))))
    return MessageContainer(messages)


def decrypted(state: Any, decrypt: Callable[[bytes], Any], body: bytes) -> Any:
    """Return a message of the server as Telethon's own function does, but one that cannot be read as far as it can."""
    try:
        return decrypt(body)
    except errors.TypeNotFoundError:  # raised once the message was found to be genuine
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
        reader = BinaryReader(body[offset + 4 :])  # behind the list's own constructor
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
