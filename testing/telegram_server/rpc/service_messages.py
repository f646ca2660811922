"""Messages about messages, which are no methods of the API (https://core.telegram.org/mtproto/service_messages,
https://core.telegram.org/mtproto/service_messages_about_messages)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from telethon.tl import functions, types
from telethon.tl.types import DestroySessionNone, DestroySessionOk

from testing.telegram_server.mtproto.answers import rpc_result
from testing.telegram_server.mtproto.envelope import Incoming
from testing.telegram_server.network.connection import Connection
from testing.telegram_server.network.hub import Hub
from testing.telegram_server.network.session import Session

Serve = Callable[[Hub, Connection, Session, Incoming], None]
_NOT_RECEIVED, _RECEIVED = 1, 4


def _nothing(hub: Hub, connection: Connection, session: Session, message: Incoming) -> None:
    """Acknowledgements and state reports: the server does not resend, so it has nothing to do."""


def _ping(hub: Hub, connection: Connection, session: Session, message: Incoming) -> None:
    _answer(hub, connection, session, types.Pong(message.msg_id, message.content.ping_id))


def _ping_delay_disconnect(hub: Hub, connection: Connection, session: Session, message: Incoming) -> None:
    connection.doom(message.content.disconnect_delay)
    _ping(hub, connection, session, message)


def _msgs_state(hub: Hub, connection: Connection, session: Session, message: Incoming) -> None:
    """Answer a byte for each message asked about: received, or not."""
    states = bytes(_RECEIVED if session.has_seen(i) else _NOT_RECEIVED for i in message.content.msg_ids)
    _answer(hub, connection, session, types.MsgsStateInfo(message.msg_id, states.decode("latin-1")))


def _future_salts(hub: Hub, connection: Connection, session: Session, message: Incoming) -> None:
    """The salt of a key changes only on demand: one that is good for a day."""
    now = int(time.time())
    salts = types.FutureSalts(message.msg_id, now, [types.FutureSalt(now - 60, now + 86_400, session.key.salt)])
    _answer(hub, connection, session, salts)


def _drop_answer(hub: Hub, connection: Connection, session: Session, message: Incoming) -> None:
    hub.send(connection, session, rpc_result(message.msg_id, types.RpcAnswerUnknown()), answer=True)


def _destroy_session(hub: Hub, connection: Connection, session: Session, message: Incoming) -> None:
    number = message.content.session_id
    gone = number != session.number and hub.sessions.destroy(session.key, number)
    _answer(hub, connection, session, DestroySessionOk(number) if gone else DestroySessionNone(number))


def _answer(hub: Hub, connection: Connection, session: Session, body: Any) -> None:
    hub.send(connection, session, bytes(body), answer=True)


TABLE: dict[type, Serve] = {
    types.MsgsAck: _nothing,
    types.MsgsStateInfo: _nothing,
    types.MsgsAllInfo: _nothing,
    types.MsgsStateReq: _msgs_state,
    types.MsgResendReq: _msgs_state,
    functions.PingRequest: _ping,
    functions.PingDelayDisconnectRequest: _ping_delay_disconnect,
    functions.GetFutureSaltsRequest: _future_salts,
    functions.RpcDropAnswerRequest: _drop_answer,
    functions.DestroySessionRequest: _destroy_session,
}
