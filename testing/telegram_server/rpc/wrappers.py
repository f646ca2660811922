"""Queries that hold another query: invokeWithLayer, initConnection and their like (https://core.telegram.org/api/invoking)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from telethon.tl import functions

from testing.telegram_server.model.key import Device


@dataclass(slots=True)
class Query:
    """A query out of its wrappers, and what they said."""

    request: Any
    with_updates: bool = True
    device: Device | None = None
    layer: int | None = None
    after: list[int] = field(default_factory=list)


def unwrapped(request: Any) -> Query:
    """Take all wrappers off."""
    query = Query(request)
    while (unwrap := _WRAPPERS.get(type(query.request))) is not None:
        unwrap(query, query.request)
    return query


def _with_layer(query: Query, wrapper: Any) -> None:
    query.request, query.layer = wrapper.query, wrapper.layer


def _init_connection(query: Query, wrapper: Any) -> None:
    query.request = wrapper.query
    query.device = Device(
        wrapper.api_id,
        wrapper.device_model,
        wrapper.system_version,
        wrapper.app_version,
        wrapper.lang_code,
        wrapper.system_lang_code,
    )


def _without_updates(query: Query, wrapper: Any) -> None:
    query.request, query.with_updates = wrapper.query, False


def _after_message(query: Query, wrapper: Any) -> None:
    query.request = wrapper.query
    query.after.append(wrapper.msg_id)


def _after_messages(query: Query, wrapper: Any) -> None:
    query.request = wrapper.query
    query.after.extend(wrapper.msg_ids)


_WRAPPERS: dict[type, Callable[[Query, Any], None]] = {
    functions.InvokeWithLayerRequest: _with_layer,
    functions.InitConnectionRequest: _init_connection,
    functions.InvokeWithoutUpdatesRequest: _without_updates,
    functions.InvokeAfterMsgRequest: _after_message,
    functions.InvokeAfterMsgsRequest: _after_messages,
}
