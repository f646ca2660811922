"""Composes the FastAPI app of an HTTP function around the function's own routes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aws_lambda_powertools import Logger
from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.middleware.cors import CORSMiddleware
from fastapi.routing import APIRoute

from functions.http.access import Allows
from functions.http.access_log import AccessLog
from functions.http.body_reader import MAX_BODY_BYTES, BodyReader
from functions.http.dependencies import Dependencies, Provided
from functions.http.error_boundary import ErrorBoundary
from functions.http.errors import HANDLERS
from functions.http.pipeline import Pipeline
from shared.version import VERSION

TITLE = "Avio"
EXPOSED = [
    *("Allow", "Deprecation", "Idempotency-Replayed", "Link", "RateLimit", "RateLimit-Policy", "Retry-After"),
    *("WWW-Authenticate", "X-Request-Id"),
]
"""Headers that browsers may read."""


class IncompleteApp(Exception):
    """A route asks for a dependency or a kind of caller that its app lacks, or does not declare its callers."""


def create_app(
    routers: Sequence[APIRouter],
    *,
    pipeline: Pipeline,
    dependencies: Dependencies,
    origins: Sequence[str],
    logger: Logger,
    max_body_bytes: int = MAX_BODY_BYTES,
) -> FastAPI:
    """Compose an app; raises IncompleteApp.

    It serves no documentation of its own: one document describes all functions (see functions/tenants).
    """
    app = FastAPI(title=TITLE, version=VERSION, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.pipeline, app.state.dependencies = pipeline, dependencies
    for kind, handler in HANDLERS.items():
        app.add_exception_handler(kind, handler)
    for router in routers:
        _check_complete(router, pipeline, dependencies)
        app.include_router(router)
    app.add_middleware(BodyReader, max_bytes=max_body_bytes)
    app.add_middleware(ErrorBoundary, logger=logger)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(origins),
        allow_methods=["GET", "POST", "PATCH", "DELETE"],
        allow_headers=[
            "Content-Type",
            "Idempotency-Key",
            "Prefer",
            *(name for kind in pipeline.authenticator.kinds for name in kind.headers),
        ],
        expose_headers=EXPOSED,
    )
    app.add_middleware(AccessLog, logger=logger)
    return app


def _check_complete(router: APIRouter, pipeline: Pipeline, dependencies: Dependencies) -> None:
    """Raise IncompleteApp for what would otherwise fail at the first request."""
    for route in router.routes:
        if not isinstance(route, APIRoute):
            continue
        asked = [one.call for one in _tree(route.dependant)]
        declared = [call for call in asked if isinstance(call, Allows)]
        if len(declared) != 1:
            raise IncompleteApp(f"{route.path} should declare its callers once (functions/http/access.py).")
        if any(kind not in pipeline.authenticator.kinds for kind in declared[0].kinds):
            raise IncompleteApp(f"{route.path} allows a kind of caller that the app does not know.")
        for call in asked:
            if isinstance(call, Provided) and call.kind not in dependencies:
                raise IncompleteApp(f"{route.path} depends on {call.kind.__name__}, which the app was not given.")


def _tree(dependant: Dependant) -> Iterator[Dependant]:
    for inner in dependant.dependencies:
        yield inner
        yield from _tree(inner)
