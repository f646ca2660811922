"""updates.getChannelDifference: what a client missed of one channel (https://core.telegram.org/method/updates.getChannelDifference)."""

from __future__ import annotations

from typing import Any

from telethon.tl import functions, types

from testing.telegram_server.model.dialog import dialog_of
from testing.telegram_server.model.group import Group
from testing.telegram_server.rpc.call import Call
from testing.telegram_server.rpc.dialogs import dialog_object
from testing.telegram_server.rpc.errors import bad_request
from testing.telegram_server.rpc.peers import channel_of
from testing.telegram_server.rpc.table import Methods
from testing.telegram_server.rpc.updates import missed
from testing.telegram_server.views.messages import message_object

METHODS = Methods()
_LATEST = 20  # messages that come with channelDifferenceTooLong


@METHODS.serves(functions.updates.GetChannelDifferenceRequest)
def get_channel_difference(call: Call, request: Any) -> Any:
    """Return exactly the events after the client's pts: all of them (`final`), a slice, or that they are too many."""
    group = channel_of(call, request.channel)
    if request.pts <= 0:
        raise bad_request("PERSISTENT_TIMESTAMP_EMPTY")
    settings, box = call.services.settings, call.world.box(group.peer)
    missing = box.missing(request.pts)
    if not missing:
        return types.updates.ChannelDifferenceEmpty(box.pts, final=True, timeout=settings.channel_timeout_s)
    if missing > settings.too_long_after:
        return _too_long(call, group)
    limit = max(1, min(request.limit, settings.channel_difference_slice))
    events = box.after(request.pts, limit)
    return types.updates.ChannelDifference(
        pts=events[-1].pts,
        final=limit >= missing,
        timeout=settings.channel_timeout_s,
        **missed(call, events),
        **call.services.company.of(call.key, events, peers=[group.peer]),
    )


def channel_too_long(call: Call, request: Any) -> Any:
    """Return the answer to a client that has missed too much of a channel."""
    return _too_long(call, channel_of(call, request.channel))


def _too_long(call: Call, group: Group) -> Any:
    """Return the dialog, whose pts is the channel's present one, and the latest messages, newest first."""
    dialog = dialog_of(call.world, call.me.id, group.peer)
    latest = [dialog.box.messages[i] for i in reversed(dialog.chat.ids[-_LATEST:])]
    return types.updates.ChannelDifferenceTooLong(
        dialog=dialog_object(call, dialog),
        messages=[message_object(call.world, message, call.me.id) for message in latest],
        final=True,
        timeout=call.services.settings.channel_timeout_s,
        **call.services.company.of(call.key, latest, peers=[group.peer]),
    )
