"""Refuses what a route would otherwise ignore: headers, query parameters and bodies. Callers rely on what they send.

The checks run after the caller is authenticated, so that strangers hear of their credentials first.
"""

from __future__ import annotations

from collections import Counter

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.security import APIKeyQuery

from functions.http.body_reader import RequestBody
from functions.http.callers import Caller
from functions.http.json_body import parse
from shared.errors import AvioError, Code
from shared.model.tenant import Tenant

MAX_NAME = 100
"""Characters of an unknown query parameter's name that its refusal repeats."""
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_CONDITIONS = "Conditional requests are not supported: leave the header out."
UNSUPPORTED = {
    "If-Match": _CONDITIONS,
    "If-None-Match": _CONDITIONS,
    "If-Unmodified-Since": _CONDITIONS,
    "X-HTTP-Method-Override": "Send the request by its own method: overriding it is not supported.",
}
"""Headers that change what a write means, on servers that support them: https://www.rfc-editor.org/rfc/rfc9110#section-13"""


def check_step(request: Request, _: Caller, __: Tenant | None) -> None:
    """Check a request as a step of the pipeline."""
    check_request(request)


def check_request(request: Request) -> None:
    """Raise `not_supported`, `unsupported_media_type` or `invalid_request` for what this route would ignore or cannot read."""
    _check_headers(request)
    check_body(request)
    _check_query(request)


def check_body(request: Request) -> None:
    """Raise `unsupported_media_type` or `invalid_request` for a body that is not JSON, or that the route would ignore."""
    body, route = request.state.body, _route_of(request)
    assert isinstance(body, RequestBody)
    if body.fault is not None:
        raise body.fault
    if body.content and not takes_body(route) and parse(body.content) not in ({}, None):
        raise _refused("body", "This route takes no body.")


def takes_header(request: Request, name: str) -> bool:
    """Tell whether a request's route declares a header."""
    return name.lower() in _headers(_route_of(request).dependant)


def _headers(dependant: Dependant) -> set[str]:
    return {parameter.alias for parameter in dependant.header_params}.union(*map(_headers, dependant.dependencies))


def takes_body(route: APIRoute) -> bool:
    """Tell whether a route has a request body."""
    return route.body_field is not None or "requestBody" in (route.openapi_extra or {})


def _check_headers(request: Request) -> None:
    unsupported = [name for name in UNSUPPORTED if name in request.headers] if request.method in WRITES else []
    if unsupported:
        raise AvioError(Code.NOT_SUPPORTED, UNSUPPORTED[unsupported[0]])
    if "respond-async" in request.headers.get("prefer", "").lower():
        raise AvioError(Code.NOT_SUPPORTED, "Answers come at once: leave `Prefer: respond-async` out.")


def _check_query(request: Request) -> None:
    if not request.query_params:
        return
    known = _query_parameters(_route_of(request).dependant)
    for name, times in Counter(name for name, _ in request.query_params.multi_items()).items():
        if name not in known:
            raise _refused(f"query.{name[:MAX_NAME]}", "This route takes no such query parameter.")
        if times > 1:
            raise _refused(f"query.{name}", "This query parameter should be given once.")


def _query_parameters(dependant: Dependant) -> set[str]:
    """Return the query parameters that a dependency takes, with those that carry credentials."""
    own = {parameter.alias for parameter in dependant.query_params}
    if isinstance(dependant.call, APIKeyQuery):
        own.add(dependant.call.model.name)
    return own.union(*map(_query_parameters, dependant.dependencies))


def _route_of(request: Request) -> APIRoute:
    route = request.scope["route"]
    assert isinstance(route, APIRoute)
    return route


def _refused(field: str, problem: str) -> AvioError:
    return AvioError(Code.INVALID_REQUEST, fields=[{"field": field, "problem": problem}])
