"""From a client's message to its answer: service messages, then wrappers, faults, refusals, the method itself."""

from __future__ import annotations

from typing import Any

from telethon.tl import TLRequest

from local.telegram.faults import FaultSpec
from local.telegram.model.phone import normal
from local.telegram.mtproto.envelope import Incoming, Unknown
from local.telegram.network.connection import Connection
from local.telegram.network.session import Session
from local.telegram.rpc import going_wrong, service_messages
from local.telegram.rpc.execution import Asked, Execution
from local.telegram.rpc.methods import all_methods
from local.telegram.rpc.table import method_name
from local.telegram.rpc.wrappers import unwrapped
from local.telegram.services import Services

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
        elif not session.first_time(message.msg_id):
            self._execution.acknowledge(connection, session, message.msg_id)
        elif message.seq_no % 2 == 0:
            self._hub.reject(connection, session, message, _ODD_EXPECTED)
        else:
            self._take(connection, session, message)

    def _take(self, connection: Connection, session: Session, message: Incoming) -> None:
        query = unwrapped(message.content)
        if query.device is not None and query.device != session.key.device:
            session.key.device = query.device
            self._services.world.keys.save(session.key)
        method = self._methods.get(type(query.request))
        asked = Asked(connection, session, message.msg_id, query, method, method.name if method else _name(query.request))
        self._services.counters.calls[asked.name] += 1
        fault = self._fault(asked) if self._services.faults else None
        if fault is None:
            self._execution.execute(asked)
        else:
            self._services.counters.faults_applied += 1
            going_wrong.TABLE[fault.kind](self._execution, asked, fault)

    def _fault(self, asked: Asked) -> FaultSpec | None:
        key = asked.session.key
        person = self._services.world.person(key.user_id or key.pending_user_id or 0)
        phone = person.phone if person else normal(getattr(asked.query.request, "phone_number", None) or "")
        return self._services.faults.take(phone, asked.name)


def _name(request: Any) -> str:
    if isinstance(request, Unknown):
        return f"#{request.constructor:08x}"
    name = method_name(type(request)) if isinstance(request, TLRequest) else type(request).__name__
    return f"{name}#{request.CONSTRUCTOR_ID:08x}" if hasattr(request, "CONSTRUCTOR_ID") else name
