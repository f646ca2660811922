"""Replaces a difference that cannot be read: the message box jumps to Telegram's present state, and the history is read instead.

The history is read in ever smaller pieces, until an unreadable message stands alone (see listener/telegram/updates/history.py). Edits,
deletions and reads of such a difference are lost. Each jump leads to Telegram's state at that time, so no second jump follows without
news.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from telethon.tl import functions, types

from listener.telegram.requests.flood_waits import Invoke, wait_out_floods
from listener.telegram.requests.unreadable import Unreadable
from listener.telegram.updates import dialogs
from listener.telegram.updates.message_box import LosslessMessageBox

_log = logging.getLogger(__name__)


async def difference(invoke: Invoke, message_box: LosslessMessageBox, request: Any, error: Unreadable) -> Any:
    """Return what to apply in place of an unreadable difference: `differenceTooLong`, or an empty difference if the account has no news.

    In the second case the news is of channels, so the message box asks about all channels soon.
    """
    _log.warning("difference unreadable", extra={"constructor": error.constructor})
    state = await wait_out_floods(invoke, functions.updates.GetStateRequest())
    if request.pts < state.pts:
        return types.updates.DifferenceTooLong(state.pts)
    message_box.ask_channels_soon()
    return types.updates.Difference([], [], [], [], [], state)


async def channel_difference(invoke: Invoke, request: Any, error: Unreadable) -> Any:
    """Return what to apply in place of a channel's unreadable difference; raise the error if Telegram does not return the dialog.

    The dialog can be read even if its last message cannot.
    """
    channel = request.channel.channel_id
    _log.warning("channel difference unreadable", extra={"channel": channel, "constructor": error.constructor})
    peer = types.InputPeerChannel(channel, request.channel.access_hash)
    dialog = await dialogs.of_channel(partial(wait_out_floods, invoke), peer)
    if dialog is None or not dialog.pts:
        raise error
    return types.updates.ChannelDifferenceTooLong(dialog, [], [], [], final=True)
