"""Detects that updates no longer arrive: compares Telegram's state of the account with the message box now and then.

A stall is 10 s behind Telegram without progress. Then a difference is forced; if that does not help, the connection ends, and the next
starts from the saved update state. A difference that hangs is a stall as well. A batch that waits for room in the ledger is not.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Protocol

from telethon import errors
from telethon.tl import functions

from listener.core.runtime.signals import Signal
from listener.telegram.updates.message_box import LosslessMessageBox
from listener.telegram.updates.update_receiver import UpdateReceiver

PATIENCE_S = 10.0
_log = logging.getLogger(__name__)
_PASSING = (errors.FloodError, errors.ServerError, errors.TimedOutError, ConnectionError, TimeoutError)


class Stalled(Exception):
    """Telegram has updates that do not arrive."""


class Watched(Protocol):
    """A connection whose updates are compared with Telegram's state. `moved` is set after each batch."""

    message_box: LosslessMessageBox
    moved: Signal

    async def invoke(self, request: Any) -> Any:
        """Send one request and return Telegram's answer."""

    def request_difference(self) -> None:
        """Make the message box catch up."""

    def note_synced(self) -> None:
        """Note that nothing is missing."""


async def detect_stall(connection: Watched, receiver: UpdateReceiver, patience_s: float = PATIENCE_S) -> None:
    """Compare once; raise Stalled if a forced difference did not help. A passing fault of Telegram decides nothing."""
    try:
        state = await connection.invoke(functions.updates.GetStateRequest())
    except _PASSING:
        return
    if not await _reached(connection, receiver, state.pts, patience_s):
        _log.warning("updates stalled")
        connection.request_difference()
        if not await _reached(connection, receiver, state.pts, patience_s):
            raise Stalled
    connection.note_synced()


async def _reached(connection: Watched, receiver: UpdateReceiver, pts: int, patience_s: float) -> bool:
    """Wait until the message box has reached a pts; return False after `patience_s` without progress while no batch was being taken."""
    message_box, loop = connection.message_box, asyncio.get_running_loop()
    seen, until = None, 0.0
    while receiver.busy or not message_box.reached(pts):
        if receiver.busy or message_box.progress() != seen:
            seen, until = message_box.progress(), loop.time() + patience_s
        connection.moved.clear()
        try:
            async with asyncio.timeout_at(until):
                await connection.moved.wait()
        except TimeoutError:
            if not receiver.busy:
                return False
    return True
