"""updates.*: what a client missed (https://core.telegram.org/api/updates#recovering-gaps)."""

from __future__ import annotations

from typing import Any

from telethon.tl import functions, types

from local.telegram.model.box import Box
from local.telegram.model.message import Event, Message
from local.telegram.rpc.call import Call
from local.telegram.rpc.errors import bad_request
from local.telegram.rpc.table import Methods
from local.telegram.views.messages import event_update, message_object, state

METHODS = Methods()


@METHODS.serves(functions.updates.GetStateRequest)
def get_state(call: Call, request: Any) -> Any:
    return state(call.box, call.now)


@METHODS.serves(functions.updates.GetDifferenceRequest)
def get_difference(call: Call, request: Any) -> Any:
    """Return exactly the events after the client's pts: all of them, a slice, or that they are too many."""
    if request.pts <= 0:
        raise bad_request("PERSISTENT_TIMESTAMP_EMPTY")
    box = call.box
    missing = box.missing(request.pts)
    if not missing:
        return types.updates.DifferenceEmpty(call.now, box.seq)
    if request.pts_total_limit is not None and missing > request.pts_total_limit:
        return types.updates.DifferenceTooLong(box.pts)
    limit = min(call.services.settings.difference_slice, request.pts_limit or missing)
    events = box.after(request.pts, limit)
    content = _content(call, events)
    if limit >= missing:
        return types.updates.Difference(**content, state=state(box, call.now))
    return types.updates.DifferenceSlice(**content, intermediate_state=_halfway(box, events[-1], call.now))


def too_long(call: Call) -> Any:
    """Return the answer to a client that has been away for too long."""
    return types.updates.DifferenceTooLong(call.box.pts)


def _content(call: Call, events: list[Event]) -> dict[str, Any]:
    """New messages go apart from all other updates; the latter keep their pts."""
    world, messages = call.world, [event for event in events if isinstance(event, Message)]
    return {
        "new_messages": [message_object(world, message) for message in messages],
        "new_encrypted_messages": [],
        "other_updates": [event_update(world, event) for event in events if not isinstance(event, Message)],
        "chats": [],
        "users": call.services.people.users(call.key, {person for event in events for person in (event.peer, event.owner)}),
    }


def _halfway(box: Box, last: Event, now: int) -> Any:
    date = last.date if isinstance(last, Message) else now
    return types.updates.State(last.pts, box.qts, date, box.seq, box.unread)
