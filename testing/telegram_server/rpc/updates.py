"""updates.*: what a client missed (https://core.telegram.org/api/updates#recovering-gaps)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from telethon.tl import functions, types

from testing.telegram_server.model.box import Box
from testing.telegram_server.model.group import Group, Member
from testing.telegram_server.model.message import Event, Message
from testing.telegram_server.model.peer import is_channel
from testing.telegram_server.rpc.call import Call
from testing.telegram_server.rpc.errors import bad_request
from testing.telegram_server.rpc.table import Methods
from testing.telegram_server.views.channel_reads import inbox_update, outbox_update
from testing.telegram_server.views.messages import event_update, message_object, state

METHODS = Methods()


@METHODS.serves(functions.updates.GetStateRequest)
def get_state(call: Call, request: Any) -> Any:
    return state(call.box, call.now)


@METHODS.serves(functions.updates.GetDifferenceRequest)
def get_difference(call: Call, request: Any) -> Any:
    """Return exactly the events after the client's pts: all of them, a slice, or that they are too many.

    What happened to channels counts in no pts of the account, so each part names those where something did since the
    client's date; the next part's is later.
    """
    if request.pts <= 0:
        raise bad_request("PERSISTENT_TIMESTAMP_EMPTY")
    box = call.box
    missing = box.missing(request.pts)
    elsewhere = channel_news(call, int(request.date.timestamp()) if request.date else 0)
    if not missing and not elsewhere:
        return types.updates.DifferenceEmpty(call.now, box.seq)
    most = min(call.services.settings.too_long_after, request.pts_total_limit or missing)
    if missing > most:
        return too_long(call)
    limit = min(call.services.settings.difference_slice, request.pts_limit or missing)
    events = box.after(request.pts, limit)
    if limit >= missing:
        return types.updates.Difference(**_content(call, events, elsewhere), state=state(box, call.now))
    return types.updates.DifferenceSlice(**_content(call, events, elsewhere), intermediate_state=_halfway(box, events[-1], call.now))


def too_long(call: Call) -> Any:
    """Return the answer to a client that has been away for too long."""
    return types.updates.DifferenceTooLong(call.box.pts)


def missed(call: Call, events: Sequence[Event]) -> dict[str, Any]:
    """Return events as a difference has them: new messages apart from all other updates, which keep their pts.

    A message that was deleted since is not there any more; its deletion is.
    """
    world, me = call.world, call.me.id
    messages = [event for event in events if isinstance(event, Message) and event.id in world.box(event.owner).messages]
    return {
        "new_messages": [message_object(world, message, me) for message in messages],
        "other_updates": [event_update(world, event, me) for event in events if not isinstance(event, Message)],
    }


def channel_news(call: Call, date: int) -> dict[int, list[Any]]:
    """Return, by channel, what a difference says of the caller's channels where something happened from `date` on.

    Telegram does not document what brings `updateChannelTooLong` and reads of channels into a difference; the date is chosen.
    """
    news = {}
    for group in call.world.groups.of(call.me.id):
        member = call.world.groups.member(group, call.me.id)
        if is_channel(group.peer) and member is not None and (updates := _news(call, group, member, date)):
            news[group.peer] = updates
    return news


def _news(call: Call, group: Group, member: Member, date: int) -> list[Any]:
    world, me, updates = call.world, call.me.id, []
    if member.changed_at >= date:
        updates.append(types.UpdateChannel(group.id))
    if member.standing == "in" and world.box(group.peer).changed_at >= date:
        updates.append(types.UpdateChannelTooLong(group.id, world.box(group.peer).pts))
    if member.standing == "in" and member.read_at >= date:
        updates += [inbox_update(world, group, me), outbox_update(world, group, me)]
    return updates


def _content(call: Call, events: list[Event], elsewhere: dict[int, list[Any]]) -> dict[str, Any]:
    content = {**missed(call, events), "new_encrypted_messages": []}
    content["other_updates"] += [update for updates in elsewhere.values() for update in updates]
    return {**content, **call.services.company.of(call.key, events, peers=list(elsewhere))}


def _halfway(box: Box, last: Event, now: int) -> Any:
    date = last.date if isinstance(last, Message) else now
    return types.updates.State(last.pts, box.qts, date, box.seq, box.unread)
