"""What each kind of fault does to a query that it strikes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from testing.telegram_server.faults import FaultSpec, Kind
from testing.telegram_server.mtproto.raw import with_unknown
from testing.telegram_server.rpc.channel_updates import channel_too_long
from testing.telegram_server.rpc.errors import SEE_OTHER, RpcError
from testing.telegram_server.rpc.execution import Asked, Execution
from testing.telegram_server.rpc.table import Method
from testing.telegram_server.rpc.updates import too_long

GoWrong = Callable[[Execution, Asked, FaultSpec], None]


def _error(execution: Execution, asked: Asked, fault: FaultSpec) -> None:
    """Answer with the error. A log-in that is sent to another data centre goes on there."""
    if fault.code == SEE_OTHER:
        execution.send_on(asked)
    execution.fail(asked, RpcError(fault.code, fault.message))


def _flood_wait(execution: Execution, asked: Asked, fault: FaultSpec) -> None:
    execution.fail(asked, RpcError(420, f"FLOOD_WAIT_{int(fault.seconds)}"))


def _delay(execution: Execution, asked: Asked, fault: FaultSpec) -> None:
    """Acknowledge at once, as Telegram does with what takes long; execute later, even if the connection is gone by then."""

    def execute() -> None:
        if not execution.hub.stopped:
            execution.execute(asked)
            execution.hub.flush()

    asyncio.get_running_loop().call_later(fault.seconds, execute)
    execution.acknowledge(asked.connection, asked.session, asked.msg_id)


def _ignore(execution: Execution, asked: Asked, fault: FaultSpec) -> None:
    """Do nothing at all."""


def _drop_before(execution: Execution, asked: Asked, fault: FaultSpec) -> None:
    asked.connection.close()


def _drop_after(execution: Execution, asked: Asked, fault: FaultSpec) -> None:
    asked.connection.mute()
    execution.execute(asked)
    asked.connection.close()


def _difference_too_long(execution: Execution, asked: Asked, fault: FaultSpec) -> None:
    asked.method = Method(asked.name, lambda call, request: too_long(call), needs_login=True)
    execution.execute(asked)


def _channel_difference_too_long(execution: Execution, asked: Asked, fault: FaultSpec) -> None:
    asked.method = Method(asked.name, channel_too_long, needs_login=True)
    execution.execute(asked)


def _unreadable(execution: Execution, asked: Asked, fault: FaultSpec) -> None:
    """Execute, and put a constructor that no layer has at the end of the answer's first list, or in place of an answer without one."""
    method = asked.method
    if method is not None:
        asked.method = replace(method, handler=lambda call, request: with_unknown(method.handler(call, request)))
    execution.execute(asked)


TABLE: dict[Kind, GoWrong] = {
    "error": _error,
    "flood_wait": _flood_wait,
    "delay": _delay,
    "ignore": _ignore,
    "drop_before": _drop_before,
    "drop_after": _drop_after,
    "difference_too_long": _difference_too_long,
    "unreadable": _unreadable,
    "channel_difference_too_long": _channel_difference_too_long,
}
