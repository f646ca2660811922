"""MTProto sessions: a client's run of messages under one key (https://core.telegram.org/mtproto/description#session)."""

from __future__ import annotations

import secrets
from collections import OrderedDict

from testing.telegram_server.model.key import Key

_REMEMBERED = 512
_KEPT = 20_000


class Session:
    """One session: its own sequence numbers, and which of the client's messages were received lately."""

    __slots__ = ("_content_messages", "_seen", "key", "number", "unique_id")

    def __init__(self, key: Key, number: int) -> None:
        self.key, self.number = key, number
        self.unique_id = secrets.randbits(63)
        self._content_messages = 0
        self._seen: OrderedDict[int, bool] = OrderedDict()

    def next_seq_no(self, *, content: bool) -> int:
        """Return twice the number of content-related messages so far, plus one for one of them."""
        seq_no = self._content_messages * 2 + content
        self._content_messages += content
        return seq_no

    def first_time(self, msg_id: int) -> bool:
        """Note a client's message; False when it came before, then it must not be executed again."""
        if msg_id in self._seen:
            return False
        self._seen[msg_id] = True
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return True

    def failed(self, msg_id: int) -> None:
        if msg_id in self._seen:
            self._seen[msg_id] = False

    def has_failed(self, msg_id: int) -> bool:
        return self._seen.get(msg_id) is False

    def has_seen(self, msg_id: int) -> bool:
        return msg_id in self._seen


class Sessions:
    """The sessions that the server remembers; one forgotten is simply new when its client speaks again."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int], Session] = OrderedDict()

    def find(self, key: Key, number: int) -> tuple[Session, bool]:
        """Return the session, and whether it is new."""
        session = self._kept.get((key.name, number))
        if session is not None:
            return session, False
        session = self._kept[key.name, number] = Session(key, number)
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return session, True

    def forget(self, key: Key) -> None:
        """Drop all sessions of a key."""
        for name in [name for name in self._kept if name[0] == key.name]:
            del self._kept[name]

    def destroy(self, key: Key, number: int) -> bool:
        return self._kept.pop((key.name, number), None) is not None
