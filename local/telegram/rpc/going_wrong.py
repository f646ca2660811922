"""What each kind of fault does to a query that it strikes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from local.telegram.faults import FaultSpec, Kind
from local.telegram.rpc.errors import RpcError
from local.telegram.rpc.table import Method
from local.telegram.rpc.updates import too_long

if TYPE_CHECKING:
    from local.telegram.rpc.dispatch import Asked, Dispatcher

GoWrong = Callable[["Dispatcher", "Asked", FaultSpec], None]


def _error(dispatcher: Dispatcher, asked: Asked, fault: FaultSpec) -> None:
    dispatcher.fail(asked, RpcError(fault.code, fault.message))


def _flood_wait(dispatcher: Dispatcher, asked: Asked, fault: FaultSpec) -> None:
    dispatcher.fail(asked, RpcError(420, f"FLOOD_WAIT_{int(fault.seconds)}"))


def _delay(dispatcher: Dispatcher, asked: Asked, fault: FaultSpec) -> None:
    """Acknowledge at once, as Telegram does with what takes long; execute later, even if the connection is gone by then."""

    def execute() -> None:
        if not dispatcher.hub.stopped:
            dispatcher.execute(asked)
            dispatcher.hub.flush()

    asyncio.get_running_loop().call_later(fault.seconds, execute)
    dispatcher.acknowledge(asked.connection, asked.session, asked.msg_id)


def _ignore(dispatcher: Dispatcher, asked: Asked, fault: FaultSpec) -> None:
    """Do nothing at all."""


def _drop_before(dispatcher: Dispatcher, asked: Asked, fault: FaultSpec) -> None:
    asked.connection.close()


def _drop_after(dispatcher: Dispatcher, asked: Asked, fault: FaultSpec) -> None:
    asked.connection.mute()
    dispatcher.execute(asked)
    asked.connection.close()


def _difference_too_long(dispatcher: Dispatcher, asked: Asked, fault: FaultSpec) -> None:
    asked.method = Method(asked.name, lambda call, request: too_long(call), needs_login=True)
    dispatcher.execute(asked)


TABLE: dict[Kind, GoWrong] = {
    "error": _error,
    "flood_wait": _flood_wait,
    "delay": _delay,
    "ignore": _ignore,
    "drop_before": _drop_before,
    "drop_after": _drop_after,
    "difference_too_long": _difference_too_long,
}
