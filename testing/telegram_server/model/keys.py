"""All authorisation keys, and who is logged in with which."""

from __future__ import annotations

import secrets

from testing.telegram_server.model.key import Key
from testing.telegram_server.model.records import Shelf
from testing.telegram_server.store import Store


class Keys:
    """Find keys by their name and by the person who is logged in with them."""

    def __init__(self, store: Store) -> None:
        self._shelf = Shelf(store, "key", Key)
        self._all = {key.name: key for key in self._shelf.load()}
        self._of_user: dict[int, dict[str, Key]] = {}
        self._abroad: dict[str, list[Key]] = {}
        for key in self._all.values():
            if key.exported_by is not None:
                self._abroad.setdefault(key.exported_by, []).append(key)
            elif key.user_id is not None:
                self._of_user.setdefault(key.user_id, {})[key.name] = key

    def get(self, name: str) -> Key | None:
        return self._all.get(name)

    def of(self, user_id: int) -> list[Key]:
        """Return the keys that a person is logged in with, oldest log-in first."""
        return list(self._of_user.get(user_id, {}).values())

    def unfinished(self) -> list[Key]:
        """Return the keys that nobody is logged in with."""
        return [key for key in self._all.values() if key.user_id is None]

    def save(self, key: Key) -> None:
        self._all[key.name] = key
        self._shelf.put(key.name, key)

    def forget(self, key: Key) -> None:
        self.end(key, None)
        del self._all[key.name]
        self._shelf.delete(key.name)

    def authorize(self, key: Key, user_id: int, now: int) -> None:
        """Log a person in with a key."""
        self.end(key, None)
        key.user_id, key.pending_user_id, key.ended = user_id, None, None
        key.authorization_hash = secrets.randbits(63)
        key.authorized_at = key.active_at = now
        self._of_user.setdefault(user_id, {})[key.name] = key
        self.save(key)

    def import_authorization(self, key: Key, home: Key) -> None:
        """Let a key at another data centre act for who is logged in with `home`, as long as that lasts. It is no log-in of its own."""
        self.end(key, None)
        key.user_id, key.exported_by, key.ended = home.user_id, home.name, None
        self._abroad.setdefault(home.name, []).append(key)
        self.save(key)

    def end(self, key: Key, error: str | None) -> None:
        """Take the log-in from a key, and from those that it was exported to; `error` is what their requests are answered with then."""
        for abroad in self._abroad.pop(key.name, ()):
            if abroad.exported_by == key.name:
                self.end(abroad, error)
        if key.user_id is not None:
            self._of_user.get(key.user_id, {}).pop(key.name, None)
        key.user_id, key.pending_user_id, key.exported_by, key.ended = None, None, None, error
        self.save(key)
