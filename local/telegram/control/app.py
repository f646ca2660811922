"""The control interface over HTTP. docs/telegram-test-server.md describes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.telegram.control.errors import ControlError
from local.telegram.control.specs import ChatSpec, ConnectionSpec, MessageFilter, PersonPatch, PersonSpec, ReadSpec, SendSpec
from local.telegram.faults import FaultSpec

if TYPE_CHECKING:
    from local.telegram.server import TelegramServer

MAX_WAIT_S = 60.0
Body = TypeVar("Body", bound=BaseModel)
Answer = Callable[["Request", "TelegramServer"], Awaitable[Any]]


def build_app(server: TelegramServer) -> Starlette:
    """Return the control interface of a server."""
    routes = [Route(path, _endpoint(server, answer), methods=[method]) for method, path, answer in ROUTES]
    handlers = {ControlError: _refused, ValidationError: _invalid, 404: _nothing_here, 405: _nothing_here, 500: _crashed}
    return Starlette(routes=routes, exception_handlers=handlers)


def _endpoint(server: TelegramServer, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        result = await answer(request, server)
        return result if isinstance(result, Response) else JSONResponse(result)

    return endpoint


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, ControlError)
    return JSONResponse({"error": error.code, "detail": error.detail}, error.status)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, ValidationError)
    fields = [{"field": ".".join(map(str, each["loc"])), "detail": each["msg"]} for each in error.errors()]
    return JSONResponse({"error": "invalid", "detail": "the request is not as it should be", "fields": fields}, 422)


async def _nothing_here(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": "no_such_route", "detail": f"{request.method} {request.url.path}"}, 404)


async def _crashed(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": "internal_error", "detail": type(error).__name__}, 500)


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


async def _info(request: Request, server: TelegramServer) -> Any:
    return server.info()


async def _health(request: Request, server: TelegramServer) -> Any:
    return {"ok": True}


async def _settings(request: Request, server: TelegramServer) -> Any:
    return server.operation.settings()


async def _change_settings(request: Request, server: TelegramServer) -> Any:
    try:
        changes = await request.json()
    except ValueError:
        raise ControlError(422, "invalid", "the body is no JSON") from None
    if not isinstance(changes, dict):
        raise ControlError(422, "invalid", "an object of settings is expected")
    return server.operation.settings(changes)


async def _create_person(request: Request, server: TelegramServer) -> Any:
    return JSONResponse(server.people.create(await _body(request, PersonSpec)), 201)


async def _people(request: Request, server: TelegramServer) -> Any:
    return {"people": server.people.all()}


async def _person(request: Request, server: TelegramServer) -> Any:
    return server.people.get(_handle(request))


async def _patch_person(request: Request, server: TelegramServer) -> Any:
    return server.people.patch(_handle(request), await _body(request, PersonPatch))


async def _code(request: Request, server: TelegramServer) -> Any:
    return await server.people.code(_handle(request), _wait_s(request), request.query_params.get("not_id"))


async def _authorizations(request: Request, server: TelegramServer) -> Any:
    return {"authorizations": server.people.authorizations(_handle(request))}


async def _revoke(request: Request, server: TelegramServer) -> Any:
    reason = request.query_params.get("reason", "AUTH_KEY_UNREGISTERED")
    return {"revoked": server.people.revoke(_handle(request), request.path_params.get("hash"), reason)}


async def _send(request: Request, server: TelegramServer) -> Any:
    return JSONResponse(server.messages.send(_handle(request), await _body(request, SendSpec)), 201)


async def _messages(request: Request, server: TelegramServer) -> Any:
    asked = {name: value for name, value in request.query_params.items() if name not in ("wait_s", "count")}
    wanted, count = MessageFilter.model_validate(asked), int(_number(request, "count", 1))
    messages = await server.messages.wait(_handle(request), count, _wait_s(request), wanted)
    return {"messages": messages, "complete": len(messages) >= count}


async def _media(request: Request, server: TelegramServer) -> Any:
    content, mime_type = server.messages.media(_handle(request), request.path_params["message_id"])
    return Response(content, media_type=mime_type)


async def _chats(request: Request, server: TelegramServer) -> Any:
    return {"chats": server.messages.chats(_handle(request))}


async def _read(request: Request, server: TelegramServer) -> Any:
    spec = await _body(request, ReadSpec)
    return {"changed": server.messages.read(_handle(request), spec.chat, spec.max_id)}


async def _typing(request: Request, server: TelegramServer) -> Any:
    server.messages.typing(_handle(request), (await _body(request, ChatSpec)).chat)
    return {}


async def _inject(request: Request, server: TelegramServer) -> Any:
    return JSONResponse(server.operation.inject(await _body(request, FaultSpec)), 201)


async def _faults(request: Request, server: TelegramServer) -> Any:
    return {"faults": server.operation.faults()}


async def _clear(request: Request, server: TelegramServer) -> Any:
    server.operation.clear(request.path_params.get("number"))
    return {}


async def _connections(request: Request, server: TelegramServer) -> Any:
    return {"connections": server.operation.connections()}


async def _kick(request: Request, server: TelegramServer) -> Any:
    return {"connections": server.operation.kick(await _body(request, ConnectionSpec))}


async def _stall(request: Request, server: TelegramServer) -> Any:
    return {"connections": server.operation.stall(await _body(request, ConnectionSpec))}


async def _resume(request: Request, server: TelegramServer) -> Any:
    return {"connections": server.operation.resume(await _body(request, ConnectionSpec))}


async def _counters(request: Request, server: TelegramServer) -> Any:
    return server.operation.counters()


async def _changes(request: Request, server: TelegramServer) -> Any:
    after = int(_number(request, "after", 0))
    return await server.operation.changes(after, _wait_s(request), request.query_params.get("person"))


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
    ("GET", "/people/{handle}/authorizations", _authorizations),
    ("DELETE", "/people/{handle}/authorizations", _revoke),
    ("DELETE", "/people/{handle}/authorizations/{hash}", _revoke),
    ("POST", "/people/{handle}/messages", _send),
    ("GET", "/people/{handle}/messages", _messages),
    ("GET", "/people/{handle}/messages/{message_id:int}/media", _media),
    ("GET", "/people/{handle}/chats", _chats),
    ("POST", "/people/{handle}/read", _read),
    ("POST", "/people/{handle}/typing", _typing),
    ("POST", "/faults", _inject),
    ("GET", "/faults", _faults),
    ("DELETE", "/faults", _clear),
    ("DELETE", "/faults/{number:int}", _clear),
    ("GET", "/connections", _connections),
    ("POST", "/connections/kick", _kick),
    ("POST", "/connections/stall", _stall),
    ("POST", "/connections/resume", _resume),
    ("GET", "/counters", _counters),
    ("GET", "/changes", _changes),
]
