"""From a client's message to its answer: service messages, then wrappers, faults, refusals, the method itself."""

from __future__ import annotations

import logging
from typing import Any

from telethon.tl import TLRequest, functions, types

from testing.telegram_server.faults import FaultSpec
from testing.telegram_server.model.key import Key
from testing.telegram_server.model.layers import SPOKEN
from testing.telegram_server.model.phone import normal
from testing.telegram_server.mtproto.envelope import Incoming
from testing.telegram_server.mtproto.reading import Unknown
from testing.telegram_server.network.connection import Connection
from testing.telegram_server.network.session import Session
from testing.telegram_server.rpc import fault_handlers, service_messages
from testing.telegram_server.rpc.errors import bad_request
from testing.telegram_server.rpc.execution import Asked, Execution
from testing.telegram_server.rpc.methods import all_methods
from testing.telegram_server.rpc.table import method_name
from testing.telegram_server.rpc.wrappers import Query, unwrapped
from testing.telegram_server.services import Services

log = logging.getLogger(__name__)
_OF_MEDIA = ("upload.", "help.getConfig")  # what connections for files ask for
_ODD_EXPECTED = 35  # bad_msg_notification: a query is content-related, so its seq_no is odd


class Dispatcher:
    """Execute each message once and answer it."""

    def __init__(self, services: Services) -> None:
        self._services, self._hub = services, services.hub
        self._execution = Execution(services)
        self._methods = all_methods()

    def __call__(self, connection: Connection, session: Session, message: Incoming) -> None:
        serve = service_messages.TABLE.get(type(message.content))
        if serve is not None:
            serve(self._hub, connection, session, message)
        elif isinstance(message.content, functions.DestroyAuthKeyRequest):
            self._forget_key(connection, session)
        elif not session.first_time(message.msg_id):
            self._execution.acknowledge(connection, session, message.msg_id)
        elif message.seq_no % 2 == 0:
            self._hub.reject(connection, session, message, _ODD_EXPECTED)
        else:
            self._take(connection, session, message)

    def _take(self, connection: Connection, session: Session, message: Incoming) -> None:
        query = unwrapped(message.content)
        method = self._methods.get(type(query.request))
        asked = Asked(connection, session, message.msg_id, query, method, method.name if method else _name(query.request))
        self._services.counters.calls[asked.name] += 1
        if query.layer is not None and query.layer not in SPOKEN:
            log.error("layer %d is none of those spoken here: %s", query.layer, sorted(SPOKEN))
            self._execution.fail(asked, bad_request("CONNECTION_LAYER_INVALID"))
            return
        self._note(session.key, query)
        if connection.media_only and not asked.name.startswith(_OF_MEDIA):
            self._hub.wants_more(connection)
        fault = self._fault(asked) if self._services.faults else None
        if fault is None:
            self._execution.execute(asked)
        else:
            self._services.counters.faults_applied += 1
            fault_handlers.TABLE[fault.kind](self._execution, asked, fault)

    def _note(self, key: Key, query: Query) -> None:
        """Keep what a client says of itself."""
        said = (query.device or key.device, query.layer or key.layer)
        if said != (key.device, key.layer):
            key.device, key.layer = said
            self._services.world.keys.save(key)

    def _forget_key(self, connection: Connection, session: Session) -> None:
        """Answer destroy_auth_key; nothing after it is understood under the key (https://core.telegram.org/api/pfs)."""
        self._hub.send(connection, session, bytes(types.DestroyAuthKeyOk()), answer=True)
        self._services.logins.end(session.key, tell=False)
        self._hub.forget(session.key)

    def _fault(self, asked: Asked) -> FaultSpec | None:
        key = asked.session.key
        person = self._services.world.person(key.user_id or key.pending_user_id or 0)
        request = asked.query.request
        named = getattr(getattr(request, "purpose", request), "phone_number", None)  # an emailVerifyPurpose names the phone
        return self._services.faults.take(person.phone if person else normal(named or ""), asked.name)


def _name(request: Any) -> str:
    if isinstance(request, Unknown):
        return method_name(request.method) if request.method else f"#{request.constructor:08x}"
    name = method_name(type(request)) if isinstance(request, TLRequest) else type(request).__name__
    return f"{name}#{request.CONSTRUCTOR_ID:08x}" if hasattr(request, "CONSTRUCTOR_ID") else name
