"""Where connections, keys and requests meet: what came in is executed, made durable, and only then answered.

payload -> key? -> decrypt -> one user of the key? -> salt, message id -> session -> messages -> service or RPC
"""

from __future__ import annotations

import logging
import secrets
import struct
from collections.abc import Callable
from typing import Any

from telethon.tl import types

from testing.telegram_server.clock import Clock
from testing.telegram_server.counters import Counters
from testing.telegram_server.faults import Faults
from testing.telegram_server.model.data_centres import DC_ID, Ports
from testing.telegram_server.model.key import Key
from testing.telegram_server.model.peer import bare, is_channel
from testing.telegram_server.model.person import Person
from testing.telegram_server.model.world import World
from testing.telegram_server.mtproto import cipher
from testing.telegram_server.mtproto.envelope import BadContainerError, Incoming, unpack
from testing.telegram_server.mtproto.reading import read_object
from testing.telegram_server.mtproto.transport import UNKNOWN_KEY_CODE, transport_error
from testing.telegram_server.network.connection import Connection, Execute
from testing.telegram_server.network.message_ids import MessageIds, fault_of
from testing.telegram_server.network.session import Session, Sessions
from testing.telegram_server.settings import Settings

log = logging.getLogger(__name__)
MAX_UNSENT = 16 << 20  # bytes; a client that reads slower than this is cut off, and catches up by getDifference


class Hub:
    """All connections, and the way of every payload."""

    def __init__(self, world: World, clock: Clock, settings: Settings, counters: Counters, faults: Faults) -> None:
        self._world, self._clock, self._settings, self._counters, self._faults = world, clock, settings, counters, faults
        self.server_key = world.server_key
        self.sessions = Sessions()
        self.connections: dict[int, Connection] = {}
        self.max_unsent = MAX_UNSENT
        self.stopped = False
        self.ports: dict[int, Ports] = {}
        self._by_key: dict[str, list[Connection]] = {}
        self._ids = MessageIds()
        self._dirty: dict[int, Connection] = {}

    # Connections come and go

    def accept(self, execute: Execute, *, dc: int = DC_ID, media_only: bool = False) -> Connection:
        """Take a connection to a data centre; `execute` is given each of its messages. `media_only`: it came to the address for files."""
        self._counters.connections_accepted += 1
        return Connection(self, self._counters.connections_accepted, execute, dc=dc, media_only=media_only)

    def opened(self, connection: Connection) -> None:
        if not self._settings.accepting:
            connection.abort()
            return
        self.connections[connection.number] = connection

    def closed(self, connection: Connection) -> None:
        self.connections.pop(connection.number, None)
        if connection.key is not None:
            self._leave(connection, connection.key)

    def broken(self, connection: Connection, error: Exception, *, expected: bool) -> None:
        """Close a connection whose bytes make no sense; an error that is not `expected` is a fault of ours."""
        self._counters.connections_broken += 1
        self._counters.handler_crashes += not expected
        report = log.info if expected else log.exception
        report("closing connection %d: %s %s", connection.number, type(error).__name__, error)
        connection.close()

    def stop(self) -> None:
        """Cut all connections off and take nothing more."""
        self.stopped = True
        for connection in list(self.connections.values()):
            connection.abort()

    def of_key(self, key: Key) -> list[Connection]:
        """Return the open connections that speak under a key, the one that began last at the end."""
        return list(self._by_key.get(key.name, ()))

    # What comes in

    def receive(self, connection: Connection, payload: bytes) -> None:
        """Take one payload of a client."""
        name = payload[:8]
        if len(payload) < 8:
            raise ValueError("a payload without a key id")
        if not any(name):
            self._receive_plain(connection, payload)
            return
        key = self._key(name.hex())
        if key is None or key.dc != connection.dc:
            self._counters.unknown_keys += 1
            self.refuse(connection, UNKNOWN_KEY_CODE)
            return
        plain = cipher.decrypt(key.secret, payload)
        self._used(connection, key)
        self._receive_message(connection, key, plain)

    def _key(self, name: str) -> Key | None:
        """Return a key that is known; a temporary one is forgotten when its time is over."""
        key = self._world.keys.get(name)
        if key is None or key.expires_at is None or key.expires_at > self._clock.now():
            return key
        self.forget(key)
        return None

    def forget(self, key: Key) -> None:
        """Know a key no more: what comes under it is answered by -404."""
        self.sessions.forget(key)
        self._world.keys.forget(key)

    def _receive_plain(self, connection: Connection, payload: bytes) -> None:
        request, _ = read_object(payload[20:])
        body = bytes(connection.exchange.answer(request))
        made = connection.exchange.made
        if made is not None:
            self._counters.keys_created += 1
            now = self._clock.now()
            expires_at = now + made.expires_in_s if made.expires_in_s is not None else None
            self._world.keys.save(Key(cipher.key_id(made.key).hex(), made.key, made.salt, now, expires_at=expires_at, dc=connection.dc))
        self._queue(connection, bytes(8) + struct.pack("<qi", self._ids.next(answer=True), len(body)) + body)

    def _used(self, connection: Connection, key: Key) -> None:
        """Note which connection speaks under a key; kill the key when an older one speaks after a younger one began.

        https://core.telegram.org/api/errors#406-not-acceptable, AUTH_KEY_DUPLICATED: an authorised session sends in
        parallel over two TCP connections; those to the address for files do not count.
        """
        using = self._by_key.setdefault(key.name, [])
        if connection not in using:
            if connection.key is not None:
                self._leave(connection, connection.key)
            connection.key = key
            using.append(connection)
            return
        if key.user_id is not None and key.exported_by is None and not connection.media_only and self._has_younger(using, connection):
            self._kill(key)

    def _has_younger(self, using: list[Connection], connection: Connection) -> bool:
        younger = using[using.index(connection) + 1 :]
        return any(other.peer_is_there() for other in younger if not other.media_only)

    def wants_more(self, connection: Connection) -> None:
        """Take a connection for an ordinary one that began now: it asked for something else than files."""
        connection.media_only = False
        using = self._by_key.get(connection.key.name, []) if connection.key is not None else []
        if connection in using:
            using.remove(connection)
            using.append(connection)

    def _leave(self, connection: Connection, key: Key) -> None:
        using = self._by_key.get(key.name, [])
        if connection in using:
            using.remove(connection)
        if not using:
            self._by_key.pop(key.name, None)

    def _kill(self, key: Key) -> None:
        self._counters.auth_key_duplicated += 1
        log.warning("key %s is used by two connections at once and is dead now", key.name)
        for connection in self.of_key(key):
            connection.duplicated = True
        key.dead = True
        self._world.keys.end(key, "AUTH_KEY_UNREGISTERED")
        self.notice(key)

    def _receive_message(self, connection: Connection, key: Key, plain: cipher.Plain) -> None:
        fault = fault_of(plain.msg_id)
        if fault is not None:
            self._reject(connection, key, plain, fault)
            return
        if plain.salt != key.salt:
            body = bytes(types.BadServerSalt(plain.msg_id, plain.seq_no, 48, key.salt))
            self._send(connection, key, plain.session_id, 0, body, answer=True)
            return
        session, new = self.sessions.find(key, plain.session_id)
        try:
            container, messages = unpack(plain.msg_id, plain.seq_no, plain.body)
        except BadContainerError:
            self._reject(connection, key, plain, 64)
            return
        if container and plain.seq_no % 2:
            self._reject(connection, key, plain, 34)
            return
        connection.session = session
        if new:
            first = min(message.msg_id for message in messages) if messages else plain.msg_id
            self.send(connection, session, bytes(types.NewSessionCreated(first, session.unique_id, key.salt)), answer=False)
        for message in messages:
            connection.execute(connection, session, message)

    def _reject(self, connection: Connection, key: Key, plain: cipher.Plain, code: int) -> None:
        body = bytes(types.BadMsgNotification(plain.msg_id, plain.seq_no, code))
        self._send(connection, key, plain.session_id, 0, body, answer=True)

    def reject(self, connection: Connection, session: Session, message: Incoming, code: int) -> None:
        """Answer one message of a container with bad_msg_notification."""
        body = bytes(types.BadMsgNotification(message.msg_id, message.seq_no, code))
        self.send(connection, session, body, answer=True, content=False)

    # What goes out

    def send(self, connection: Connection, session: Session, body: bytes, *, answer: bool, content: bool = True) -> None:
        """Queue a message of the server under a session."""
        self._send(connection, session.key, session.number, session.next_seq_no(content=content), body, answer=answer)

    def _send(self, connection: Connection, key: Key, session_number: int, seq_no: int, body: bytes, *, answer: bool) -> None:
        message = cipher.Plain(key.salt, session_number, self._ids.next(answer=answer), seq_no, body)
        self._queue(connection, cipher.encrypt(key.secret, key.wire_name, message))

    def _queue(self, connection: Connection, payload: bytes) -> None:
        connection.queue(payload)
        self._dirty[connection.number] = connection
        if connection.open and connection.backlog > self.max_unsent:
            self._counters.connections_dropped_slow += 1
            connection.abort()

    def push(self, user_id: int, update_for: Callable[[Key], Any], skip: Key | None = None, box: int | None = None) -> None:
        """Send an update to every connection of a person that wants updates, but not to those of the key `skip`.

        `box` is whose event it is, the person's or a channel's; None for what is no event of a box.

        Who is not connected gets nothing now, and the same event by updates.getDifference later.
        """
        targets = [
            (key, connection)
            for key in self._world.keys.of(user_id)
            if key is not skip
            for connection in self._by_key.get(key.name, ())
            if connection.wants_updates
        ]
        if not targets:
            return
        fault = self._faults.take_push(self._world.people[user_id].phone, box) if self._faults else None
        if fault is not None:
            self._counters.faults_applied += 1
        kind = fault.kind if fault else None
        for key, connection in targets:
            update = self._too_long(box) if kind == "too_long_push" else update_for(key)
            self._push_one(connection, bytes(update), kind)

    def _too_long(self, box: int | None) -> Any:
        """Return what says that something happened, and not what (https://core.telegram.org/constructor/updateChannelTooLong)."""
        if box is None or not is_channel(box):
            return types.UpdatesTooLong()
        return types.UpdateShort(types.UpdateChannelTooLong(bare(box), self._world.box(box).pts), self._clock.now())

    def _push_one(self, connection: Connection, body: bytes, fault: str | None) -> None:
        if fault == "lose_push":
            return
        held = connection.swap_held(body if fault == "hold_push" else None)
        bodies = ([] if fault == "hold_push" else [body, body] if fault == "repeat_push" else [body]) + ([held] if held else [])
        for each in bodies:
            if connection.session is not None:
                self._counters.pushes += 1
                self.send(connection, connection.session, each, answer=False)

    def tell(self, key: Key, update: Any, person: Person) -> None:
        """Send an update to the connections of a key that nobody is logged in with yet; faults of pushes to `person` hit it too."""
        fault = self._faults.take_push(person.phone, None) if self._faults else None
        self._counters.faults_applied += fault is not None
        for connection in self.of_key(key):
            if not connection.media_only:
                self._push_one(connection, bytes(update), fault.kind if fault else None)

    def refuse(self, connection: Connection, code: int) -> None:
        """Send a transport error, then close."""
        self._queue(connection, transport_error(code))
        self.flush()
        connection.close()

    def renew_session(self, connection: Connection) -> None:
        """Send new_session_created as if the server had forgotten the session (https://core.telegram.org/mtproto/service_messages)."""
        session = connection.session
        if session is not None:
            created = types.NewSessionCreated(self._ids.next(answer=False), secrets.randbits(63), session.key.salt)
            self.send(connection, session, bytes(created), answer=False)

    def change_salt(self, connection: Connection) -> None:
        """Give a key another salt; what comes with the old one is answered by bad_server_salt."""
        if connection.key is not None:
            connection.key.salt = secrets.randbits(63)
            self._world.keys.save(connection.key)

    def notice(self, key: Key) -> None:
        """Make a key's clients ask for something: they learn at once that their log-in has ended."""
        for connection in self.of_key(key):
            if connection.session is not None and connection.wants_updates:
                self.send(connection, connection.session, bytes(types.UpdatesTooLong()), answer=False)

    def flush(self) -> None:
        """Make what happened durable, then let the answers and pushes go."""
        self._world.store.commit()
        if not self._dirty:
            return
        dirty, self._dirty = self._dirty, {}
        for connection in dirty.values():
            connection.write()
