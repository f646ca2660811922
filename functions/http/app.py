"""The FastAPI app that every HTTP function is, around its own routes."""

from __future__ import annotations

from collections.abc import Sequence

from aws_lambda_powertools import Logger
from fastapi import APIRouter, FastAPI
from fastapi.middleware.cors import CORSMiddleware

from functions.http.access_log import AccessLog
from functions.http.callers import Gate
from functions.http.error_boundary import Boundary
from functions.http.errors import HANDLERS
from shared.version import VERSION

TITLE = "Avio"


def create_app(routers: Sequence[APIRouter], *, gate: Gate, origins: Sequence[str], logger: Logger) -> FastAPI:
    """Compose an app. It serves no documentation of its own: there is one document for all functions (see functions/tenants)."""
    app = FastAPI(title=TITLE, version=VERSION, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.gate = gate
    for kind, handler in HANDLERS.items():
        app.add_exception_handler(kind, handler)
    for router in routers:
        app.include_router(router)
    app.add_middleware(Boundary, logger=logger)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(origins),
        allow_methods=["GET", "POST", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "Prefer", "X-Admin-Token"],
        expose_headers=["Allow", "Link", "Retry-After", "WWW-Authenticate", "X-Request-Id"],
    )
    app.add_middleware(AccessLog, logger=logger)
    return app
