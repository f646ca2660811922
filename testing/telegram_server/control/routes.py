"""What each route of the control interface takes from a request and does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from testing.telegram_server.control.control import Control
from testing.telegram_server.control.errors import ControlError
from testing.telegram_server.control.specs import (
    AuthorizeSpec,
    ChatSpec,
    ClockSpec,
    ConnectionSpec,
    EditSpec,
    GroupPatch,
    GroupSpec,
    MemberPatch,
    MemberSpec,
    MessageFilter,
    PersonPatch,
    PersonSpec,
    ReadSpec,
    ScanSpec,
    SendManySpec,
    SendSpec,
    TransportErrorSpec,
)
from testing.telegram_server.faults import FaultSpec

MAX_WAIT_S = 60.0
Body = TypeVar("Body", bound=BaseModel)
Answer = Callable[[Request, Control], Awaitable[Any]]

# What a request says


async def _body(request: Request, model: type[Body]) -> Body:
    return model.model_validate_json(await request.body() or b"{}")


def _handle(request: Request) -> str:
    return str(request.path_params["handle"])


def _number(request: Request, name: str, default: float) -> float:
    try:
        return float(request.query_params.get(name, default))
    except ValueError:
        raise ControlError(422, "invalid", f"{name} is not a number") from None


def _wait_s(request: Request) -> float:
    return min(max(_number(request, "wait_s", 0), 0), MAX_WAIT_S)


# The routes


async def _info(request: Request, control: Control) -> Any:
    return control.info()


async def _health(request: Request, control: Control) -> Any:
    return {"ok": True}


async def _settings(request: Request, control: Control) -> Any:
    return control.operation.settings()


async def _change_settings(request: Request, control: Control) -> Any:
    try:
        changes = await request.json()
    except ValueError:
        raise ControlError(422, "invalid", "the body is no JSON") from None
    if not isinstance(changes, dict):
        raise ControlError(422, "invalid", "an object of settings is expected")
    return control.operation.settings(changes)


async def _create_person(request: Request, control: Control) -> Any:
    return JSONResponse(control.people.create(await _body(request, PersonSpec)), 201)


async def _people(request: Request, control: Control) -> Any:
    return {"people": control.people.all()}


async def _person(request: Request, control: Control) -> Any:
    return control.people.get(_handle(request))


async def _patch_person(request: Request, control: Control) -> Any:
    return control.people.patch(_handle(request), await _body(request, PersonPatch))


async def _code(request: Request, control: Control) -> Any:
    return await control.people.code(_handle(request), _wait_s(request), request.query_params.get("not_id"))


async def _scan(request: Request, control: Control) -> Any:
    return control.people.scan(_handle(request), (await _body(request, ScanSpec)).link)


async def _authorizations(request: Request, control: Control) -> Any:
    return {"authorizations": control.people.authorizations(_handle(request))}


async def _authorize(request: Request, control: Control) -> Any:
    return JSONResponse({"authorizations": control.people.authorize(await _body(request, AuthorizeSpec))}, 201)


async def _revoke(request: Request, control: Control) -> Any:
    reason = request.query_params.get("reason", "AUTH_KEY_UNREGISTERED")
    return {"revoked": control.people.revoke(_handle(request), request.path_params.get("hash"), reason)}


async def _send(request: Request, control: Control) -> Any:
    return JSONResponse(control.messages.send(_handle(request), await _body(request, SendSpec)), 201)


async def _send_many(request: Request, control: Control) -> Any:
    return JSONResponse({"sent": control.messages.send_many(await _body(request, SendManySpec))}, 201)


async def _messages(request: Request, control: Control) -> Any:
    asked = {name: value for name, value in request.query_params.items() if name not in ("wait_s", "count")}
    wanted, count = MessageFilter.model_validate(asked), int(_number(request, "count", 1))
    messages = await control.messages.wait(_handle(request), count, _wait_s(request), wanted)
    return {"messages": messages, "complete": len(messages) >= count}


async def _media(request: Request, control: Control) -> Any:
    content, mime_type = control.messages.media(_handle(request), request.path_params["message_id"], request.query_params.get("chat"))
    return Response(content, media_type=mime_type)


async def _edit(request: Request, control: Control) -> Any:
    return control.messages.edit(_handle(request), request.path_params["message_id"], await _body(request, EditSpec))


async def _delete(request: Request, control: Control) -> Any:
    asked = request.query_params
    control.messages.delete(_handle(request), request.path_params["message_id"], asked.get("chat"), for_all=asked.get("for_all") != "false")
    return {}


async def _create_group(request: Request, control: Control) -> Any:
    return JSONResponse(control.groups.create(await _body(request, GroupSpec)), 201)


async def _groups(request: Request, control: Control) -> Any:
    return {"groups": control.groups.all()}


async def _group(request: Request, control: Control) -> Any:
    return control.groups.get(request.path_params["group"])


async def _patch_group(request: Request, control: Control) -> Any:
    return control.groups.patch(request.path_params["group"], await _body(request, GroupPatch))


async def _migrate_group(request: Request, control: Control) -> Any:
    return control.groups.migrate(request.path_params["group"], request.query_params.get("by", ""))


async def _add_member(request: Request, control: Control) -> Any:
    return control.groups.add(request.path_params["group"], await _body(request, MemberSpec))


async def _patch_member(request: Request, control: Control) -> Any:
    return control.groups.change_member(request.path_params["group"], _handle(request), await _body(request, MemberPatch))


async def _remove_member(request: Request, control: Control) -> Any:
    return control.groups.remove(request.path_params["group"], _handle(request), request.query_params.get("by"))


async def _chats(request: Request, control: Control) -> Any:
    return {"chats": control.messages.chats(_handle(request))}


async def _read(request: Request, control: Control) -> Any:
    spec = await _body(request, ReadSpec)
    return {"changed": control.messages.read(_handle(request), spec.chat, spec.max_id)}


async def _typing(request: Request, control: Control) -> Any:
    control.messages.typing(_handle(request), (await _body(request, ChatSpec)).chat)
    return {}


async def _inject(request: Request, control: Control) -> Any:
    return JSONResponse(control.operation.inject(await _body(request, FaultSpec)), 201)


async def _faults(request: Request, control: Control) -> Any:
    return {"faults": control.operation.faults()}


async def _clear(request: Request, control: Control) -> Any:
    control.operation.clear(request.path_params.get("number"))
    return {}


async def _connections(request: Request, control: Control) -> Any:
    return {"connections": control.operation.connections()}


async def _kick(request: Request, control: Control) -> Any:
    return {"connections": control.operation.kick(await _body(request, ConnectionSpec))}


async def _stall(request: Request, control: Control) -> Any:
    return {"connections": control.operation.stall(await _body(request, ConnectionSpec))}


async def _resume(request: Request, control: Control) -> Any:
    return {"connections": control.operation.resume(await _body(request, ConnectionSpec))}


async def _new_session(request: Request, control: Control) -> Any:
    return {"connections": control.operation.new_session(await _body(request, ConnectionSpec))}


async def _change_salt(request: Request, control: Control) -> Any:
    return {"connections": control.operation.change_salt(await _body(request, ConnectionSpec))}


async def _transport_error(request: Request, control: Control) -> Any:
    return {"connections": control.operation.transport_error(await _body(request, TransportErrorSpec))}


async def _forget_keys(request: Request, control: Control) -> Any:
    return {"keys": control.operation.forget_keys()}


async def _clock(request: Request, control: Control) -> Any:
    return {"now": control.operation.clock()}


async def _advance(request: Request, control: Control) -> Any:
    return {"now": control.operation.clock((await _body(request, ClockSpec)).advance_s)}


async def _counters(request: Request, control: Control) -> Any:
    return control.operation.counters()


async def _changes(request: Request, control: Control) -> Any:
    after = int(_number(request, "after", 0))
    return await control.operation.changes(after, _wait_s(request), request.query_params.get("person"))


ROUTES: list[tuple[str, str, Answer]] = [
    ("GET", "/", _info),
    ("GET", "/health", _health),
    ("GET", "/settings", _settings),
    ("PATCH", "/settings", _change_settings),
    ("POST", "/people", _create_person),
    ("GET", "/people", _people),
    ("GET", "/people/{handle}", _person),
    ("PATCH", "/people/{handle}", _patch_person),
    ("GET", "/people/{handle}/code", _code),
    ("POST", "/people/{handle}/scan", _scan),
    ("GET", "/people/{handle}/authorizations", _authorizations),
    ("DELETE", "/people/{handle}/authorizations", _revoke),
    ("DELETE", "/people/{handle}/authorizations/{hash}", _revoke),
    ("POST", "/authorizations", _authorize),
    ("POST", "/messages", _send_many),
    ("POST", "/people/{handle}/messages", _send),
    ("GET", "/people/{handle}/messages", _messages),
    ("PATCH", "/people/{handle}/messages/{message_id:int}", _edit),
    ("DELETE", "/people/{handle}/messages/{message_id:int}", _delete),
    ("GET", "/people/{handle}/messages/{message_id:int}/media", _media),
    ("GET", "/people/{handle}/chats", _chats),
    ("POST", "/people/{handle}/read", _read),
    ("POST", "/people/{handle}/typing", _typing),
    ("POST", "/groups", _create_group),
    ("GET", "/groups", _groups),
    ("GET", "/groups/{group}", _group),
    ("PATCH", "/groups/{group}", _patch_group),
    ("POST", "/groups/{group}/migrate", _migrate_group),
    ("POST", "/groups/{group}/members", _add_member),
    ("PATCH", "/groups/{group}/members/{handle}", _patch_member),
    ("DELETE", "/groups/{group}/members/{handle}", _remove_member),
    ("POST", "/faults", _inject),
    ("GET", "/faults", _faults),
    ("DELETE", "/faults", _clear),
    ("DELETE", "/faults/{number:int}", _clear),
    ("GET", "/connections", _connections),
    ("POST", "/connections/kick", _kick),
    ("POST", "/connections/stall", _stall),
    ("POST", "/connections/resume", _resume),
    ("POST", "/connections/new_session", _new_session),
    ("POST", "/connections/salt", _change_salt),
    ("POST", "/connections/transport_error", _transport_error),
    ("POST", "/keys/forget", _forget_keys),
    ("GET", "/clock", _clock),
    ("POST", "/clock", _advance),
    ("GET", "/counters", _counters),
    ("GET", "/changes", _changes),
]
