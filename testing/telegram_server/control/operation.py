"""The server itself: settings, faults, connections, counters, and the stream of changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from testing.telegram_server.control.errors import not_found
from testing.telegram_server.control.people import PeopleControl
from testing.telegram_server.control.specs import ConnectionSpec, TransportErrorSpec
from testing.telegram_server.faults import Fault, FaultSpec
from testing.telegram_server.network.connection import Connection
from testing.telegram_server.services import Services
from testing.telegram_server.settings import Settings


class OperationControl:
    """Operate the server."""

    def __init__(self, services: Services, people: PeopleControl) -> None:
        self._services, self._people = services, people

    def settings(self, changes: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the settings, after changing those that are named. All are checked before any is changed."""
        settings = self._services.settings
        checked = Settings.model_validate({**settings.model_dump(), **(changes or {})})
        for name in changes or {}:
            setattr(settings, name, getattr(checked, name))
        return settings.model_dump()

    def inject(self, spec: FaultSpec) -> dict[str, Any]:
        return _fault_json(self._services.faults.inject(spec))

    def faults(self) -> list[dict[str, Any]]:
        return [_fault_json(fault) for fault in self._services.faults.all()]

    def clear(self, number: int | None = None) -> None:
        """Remove one fault, or all of them."""
        if not self._services.faults.clear(number) and number is not None:
            raise not_found("fault", number)

    def connections(self) -> list[dict[str, Any]]:
        """Return the open connections."""
        return [self._connection_json(connection) for connection in self._services.hub.connections.values()]

    def kick(self, spec: ConnectionSpec) -> int:
        """Cut connections off without a farewell; return how many."""
        return self._each(spec, Connection.abort)

    def stall(self, spec: ConnectionSpec) -> int:
        """Let connections stay open and go dead; return how many."""
        return self._each(spec, Connection.stall)

    def resume(self, spec: ConnectionSpec) -> int:
        return self._each(spec, Connection.resume)

    def new_session(self, spec: ConnectionSpec) -> int:
        """Tell clients that the server has made a new session for them, so that they may have missed something."""
        return self._each(spec, self._services.hub.renew_session)

    def change_salt(self, spec: ConnectionSpec) -> int:
        """Change the salt of the clients' keys: their next message is answered by bad_server_salt."""
        return self._each(spec, self._services.hub.change_salt)

    def transport_error(self, spec: TransportErrorSpec) -> int:
        """Send a transport error and close, as for a key that nobody knows (-404) or too many connections (-429)."""
        return self._each(spec, lambda connection: self._services.hub.refuse(connection, spec.code))

    def forget_keys(self) -> int:
        """Forget the keys that nobody is logged in with, as Telegram does after some weeks; return how many."""
        keys = self._services.world.keys
        unfinished = keys.unfinished()
        for key in unfinished:
            keys.forget(key)
        return len(unfinished)

    def clock(self, advance_s: float = 0) -> int:
        """Move the clock forward and return its time; how far it was moved survives a restart."""
        self._services.clock.advance(advance_s)
        self._services.world.store.put("server", "clock", str(self._services.clock.offset_s).encode())
        self._services.hub.flush()
        return self._services.clock.now()

    def counters(self) -> dict[str, Any]:
        return {**self._services.counters.as_json(), "connections_open": len(self._services.hub.connections)}

    async def changes(self, after: int, wait_s: float = 0, person: str | None = None) -> dict[str, Any]:
        """Return what happened after a number, waiting until there is something."""
        stream = self._services.changes
        person_id = self._people.find(person).id if person is not None else None
        missed = stream.missed(after)
        after = 0 if missed else after

        def found() -> list[dict[str, Any]] | None:
            return [change.as_json() for change in stream.since(after) if person_id in (None, change.person_id)] or None

        changes = await stream.until(found, wait_s) or []
        return {"stream": stream.stream_id, "last": stream.last, "missed": missed, "changes": changes}

    def _each(self, spec: ConnectionSpec, act: Callable[[Connection], None]) -> int:
        chosen = self._chosen(spec)
        for connection in chosen:
            act(connection)
        self._services.hub.flush()
        return len(chosen)

    def _chosen(self, spec: ConnectionSpec) -> list[Connection]:
        person_id = self._people.find(spec.person).id if spec.person is not None else None
        return [
            connection
            for connection in list(self._services.hub.connections.values())
            if spec.number in (None, connection.number) and (person_id is None or _user_of(connection) == person_id)
        ]

    def _connection_json(self, connection: Connection) -> dict[str, Any]:
        return {
            "number": connection.number,
            "address": connection.address,
            "person_id": _user_of(connection),
            "key": connection.key.name if connection.key else None,
            "wants_updates": connection.wants_updates,
        }


def _user_of(connection: Connection) -> int | None:
    return connection.key.user_id if connection.key else None


def _fault_json(fault: Fault) -> dict[str, Any]:
    return {"number": fault.number, "left": fault.left, "struck": fault.struck, **fault.spec.model_dump()}
