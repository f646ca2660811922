"""Whether the account's updates still come: what Telegram says of its state is compared with the box now and then.

Behind for 10 s without getting on is a stall: a difference is forced, and if that does not help the connection ends, since the next one
starts from the marks. A difference that hangs is a stall as well; a batch that waits for room in the ledger is none.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from telethon import errors
from telethon.tl import functions

if TYPE_CHECKING:
    from listener.telegram.connection.client import Client
    from listener.telegram.updates.update_receiver import UpdateReceiver

PATIENCE_S = 10.0
_log = logging.getLogger(__name__)
_PASSING = (errors.FloodError, errors.ServerError, errors.TimedOutError, ConnectionError, TimeoutError)


class Stalled(Exception):
    """Telegram has updates that do not come."""


async def check(client: Client, intake: UpdateReceiver, patience_s: float = PATIENCE_S) -> None:
    """Compare once; raises Stalled where a forced difference did not help. Telegram's own troubles are no verdict."""
    try:
        state = await client.invoke(functions.updates.GetStateRequest())
    except _PASSING:
        return
    if not await _reached(client, intake, state.pts, patience_s):
        _log.warning("updates stalled")
        client.ask_for_difference()
        if not await _reached(client, intake, state.pts, patience_s):
            raise Stalled
    client.confirmed()


async def _reached(client: Client, intake: UpdateReceiver, pts: int, patience_s: float) -> bool:
    """Wait for the box to get there; False once it has not got on for some seconds while nothing was being taken."""
    box, loop = client.box, asyncio.get_running_loop()
    seen, until = None, 0.0
    while intake.busy or not box.reached(pts):
        if intake.busy or box.progress() != seen:
            seen, until = box.progress(), loop.time() + patience_s
        client.moved.clear()
        try:
            async with asyncio.timeout_at(until):
                await client.moved.wait()
        except TimeoutError:
            if not intake.busy:
                return False
    return True
