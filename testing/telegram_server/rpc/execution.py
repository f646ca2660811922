"""A query that is answered: with its result, with an error, or with no more than that it came."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from telethon.tl import types

from testing.telegram_server.mtproto.answers import rpc_error, rpc_result
from testing.telegram_server.mtproto.reading import Unknown
from testing.telegram_server.network.connection import Connection
from testing.telegram_server.network.session import Session
from testing.telegram_server.rpc.call import Call
from testing.telegram_server.rpc.errors import RpcError, bad_request, not_acceptable, see_other, unauthorized
from testing.telegram_server.rpc.freezing import REFUSED
from testing.telegram_server.rpc.table import Method
from testing.telegram_server.rpc.wrappers import Query
from testing.telegram_server.services import Services

log = logging.getLogger(__name__)
_ANYWHERE = ("upload.", "auth.logOut", "auth.exportAuthorization")  # what the other data centres do for who does not live there


@dataclass(slots=True)
class Asked:
    """A query on its way to its answer. `method` is None when the server does not know it."""

    connection: Connection
    session: Session
    msg_id: int
    query: Query
    method: Method | None
    name: str


class Execution:
    """Carry queries out."""

    def __init__(self, services: Services) -> None:
        self._services, self.hub = services, services.hub

    def execute(self, asked: Asked) -> None:
        """Call the method and answer with its result or error."""
        call = Call(self._services, asked.connection, asked.session.key)
        try:
            body = rpc_result(asked.msg_id, self._allowed(call, asked).handler(call, asked.query.request))
        except RpcError as error:
            self.fail(asked, error)
        except Exception:
            log.exception("%s crashed", asked.name)
            self._services.counters.handler_crashes += 1
            self.fail(asked, RpcError(500, "INTERNAL_SERVER_ERROR"))
        else:
            key = asked.session.key
            if asked.query.with_updates and key.user_id is not None and not key.exported_by and not asked.connection.media_only:
                asked.connection.wants_updates = True
            self.hub.send(asked.connection, asked.session, body, answer=True)

    def fail(self, asked: Asked, error: RpcError) -> None:
        """Answer with an error."""
        asked.session.failed(asked.msg_id)
        self._services.counters.errors[error.name] += 1
        self.hub.send(asked.connection, asked.session, rpc_error(asked.msg_id, error.code, error.name), answer=True)

    def send_on(self, asked: Asked) -> None:
        """Let the log-in that the asker has under way go on at another data centre."""
        self._services.logins.send_on(asked.session.key)

    def acknowledge(self, connection: Connection, session: Session, msg_id: int) -> None:
        """Tell the client that its message came, without an answer to it."""
        self.hub.send(connection, session, bytes(types.MsgsAck([msg_id])), answer=True, content=False)

    def _allowed(self, call: Call, asked: Asked) -> Method:
        """Return the method if the caller may call it now."""
        if asked.connection.duplicated:
            raise not_acceptable("AUTH_KEY_DUPLICATED")
        if call.key.dead:
            later = self._services.settings.duplicated_key
            raise not_acceptable(later) if later == "AUTH_KEY_DUPLICATED" else unauthorized(later)
        if asked.method is None:
            raise self._unknown(asked)
        if asked.method.needs_login and call.key.user_id is None:
            raise unauthorized("SESSION_PASSWORD_NEEDED" if call.key.pending_user_id else call.key.ended or "AUTH_KEY_UNREGISTERED")
        if asked.method.needs_login and not asked.method.name.startswith(_ANYWHERE) and call.me.dc != call.key.dc:
            raise see_other(f"USER_MIGRATE_{call.me.dc}")
        if asked.method.name in REFUSED and call.key.user_id is not None and call.me.frozen:
            raise RpcError(420, "FROZEN_METHOD_INVALID")
        if any(asked.session.has_failed(earlier) for earlier in asked.query.after):
            raise bad_request("MSG_WAIT_FAILED")
        return asked.method

    def _unknown(self, asked: Asked) -> RpcError:
        """Fail loudly: a client wanted something that this server does not have."""
        wanted = asked.query.request
        if isinstance(wanted, Unknown) and wanted.method is not None:
            self._services.counters.unknown_constructors[f"{wanted.constructor:08x} in {asked.name}"] += 1
            log.error("unknown constructor %08x in %s", wanted.constructor, asked.name)
            return bad_request(f"INPUT_CONSTRUCTOR_INVALID_{wanted.constructor:08x}")
        self._services.counters.unknown_methods[asked.name] += 1
        log.error("unknown method %s", asked.name)
        return bad_request(f"INPUT_METHOD_INVALID_{asked.name}")
