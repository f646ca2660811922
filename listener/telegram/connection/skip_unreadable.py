"""Going on behind a difference that cannot be read: the box jumps to where Telegram stands, and the history is read instead.

That history is read in ever smaller pieces, until what cannot be read stands alone (see listener/telegram/updates/history.py). Edits,
deletions and reads of such a difference are not known. Each jump leads to where Telegram stood then, so no second
jump follows without news.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from telethon.tl import functions, types

from listener.telegram.connection.unreadable import Unreadable
from listener.telegram.operations.flood_wait import ask
from listener.telegram.updates import dialogs

if TYPE_CHECKING:
    from listener.telegram.connection.client import Client

_log = logging.getLogger(__name__)


async def difference(client: Client, asked: Any, error: Unreadable) -> Any:
    """Return a difference to apply in place of an unreadable one: too long, or nothing where the account has no news of its own.

    In the latter case it was news of channels, so all of them are asked about soon.
    """
    _log.warning("difference unreadable", extra={"constructor": error.constructor})
    state = await ask(client, functions.updates.GetStateRequest())
    if asked.pts < state.pts:
        return types.updates.DifferenceTooLong(state.pts)
    client.box.ask_channels_soon()
    return types.updates.Difference([], [], [], [], [], state)


async def channel_difference(client: Client, asked: Any, error: Unreadable) -> Any:
    """Return a channel's difference to apply in place of an unreadable one; raises the error where its dialog is not told.

    The dialog is read also where its last message cannot be.
    """
    channel = asked.channel.channel_id
    _log.warning("channel difference unreadable", extra={"channel": channel, "constructor": error.constructor})
    dialog = await dialogs.of_channel(partial(ask, client), types.InputPeerChannel(channel, asked.channel.access_hash))
    if dialog is None or not dialog.pts:
        raise error
    return types.updates.ChannelDifferenceTooLong(dialog, [], [], [], final=True)
