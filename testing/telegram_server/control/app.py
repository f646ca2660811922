"""The control interface over HTTP: its routes, and how refusals are answered. docs/telegram-test-server.md describes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from testing.telegram_server.control.control import Control
from testing.telegram_server.control.door import Door
from testing.telegram_server.control.errors import ControlError
from testing.telegram_server.control.routes import ROUTES, Answer


def build_app(control: Control, password: str) -> ASGIApp:
    """Return the control interface of a control, for those who have the password."""
    routes = [Route(path, _endpoint(control, answer), methods=[method]) for method, path, answer in ROUTES]
    handlers = {ControlError: _refused, ValidationError: _invalid, 404: _nothing_here, 405: _nothing_here, 500: _crashed}
    return Door(Starlette(routes=routes, exception_handlers=handlers), password)


def _endpoint(control: Control, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        result = await answer(request, control)
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
