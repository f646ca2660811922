"""The form of a request, whatever its route: nothing that a caller relies on is taken and passed over.

It is checked once the caller was let in, so that strangers hear of their credentials first.
"""

from __future__ import annotations

from collections import Counter

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from functions.http.error_boundary import Body
from functions.http.json_body import parse
from shared.errors import AvioError, Code

MOST_NAMED = 100
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_CONDITIONS = "Conditional requests are not supported: leave the header out."
UNSUPPORTED = {
    "Idempotency-Key": "This route takes no Idempotency-Key yet: leave the header out. A repeated request is carried out again.",
    "If-Match": _CONDITIONS,
    "If-None-Match": _CONDITIONS,
    "If-Unmodified-Since": _CONDITIONS,
    "X-HTTP-Method-Override": "Send the request by its own method: overriding it is not supported.",
}
"""Headers that change what a write means, where they are heeded: https://www.rfc-editor.org/rfc/rfc9110#section-13"""


def check_request(request: Request) -> None:
    """Raise `not_supported`, `unsupported_media_type` or `invalid_request` for what this route would pass over or cannot read."""
    _check_headers(request)
    check_body(request)
    _check_query(request)


def check_body(request: Request) -> None:
    """Raise `unsupported_media_type` or `invalid_request` for a body that is no JSON, or that the route would pass over."""
    body, route = request.state.body, _route_of(request)
    assert isinstance(body, Body)
    if body.fault is not None:
        raise body.fault
    if body.content and not takes_body(route) and parse(body.content) not in ({}, None):
        raise _refused("body", "This route takes no body.")


def takes_body(route: APIRoute) -> bool:
    """Tell whether a route reads a body."""
    return route.body_field is not None or "requestBody" in (route.openapi_extra or {})


def _check_headers(request: Request) -> None:
    if request.method in WRITES and (given := [name for name in UNSUPPORTED if name in request.headers]):
        heeded = {parameter.alias for parameter in _route_of(request).dependant.header_params}
        for name in given:
            if name.lower() not in heeded:
                raise AvioError(Code.NOT_SUPPORTED, UNSUPPORTED[name])
    if "respond-async" in request.headers.get("prefer", "").lower():
        raise AvioError(Code.NOT_SUPPORTED, "Answers come at once: leave `Prefer: respond-async` out.")


def _check_query(request: Request) -> None:
    if not request.query_params:
        return
    known = _query_parameters(_route_of(request).dependant)
    for name, times in Counter(name for name, _ in request.query_params.multi_items()).items():
        if name not in known:
            raise _refused(f"query.{name[:MOST_NAMED]}", "This route takes no such query parameter.")
        if times > 1:
            raise _refused(f"query.{name}", "This query parameter should be given once.")


def _query_parameters(dependant: Dependant) -> set[str]:
    own = {parameter.alias for parameter in dependant.query_params}
    return own.union(*map(_query_parameters, dependant.dependencies))


def _route_of(request: Request) -> APIRoute:
    route = request.scope["route"]
    assert isinstance(route, APIRoute)
    return route


def _refused(field: str, problem: str) -> AvioError:
    return AvioError(Code.INVALID_REQUEST, fields=[{"field": field, "problem": problem}])
