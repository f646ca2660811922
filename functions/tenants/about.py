"""What the API says of itself: name and links, health, its one OpenAPI document and a page to read it (contract G1)."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse

from functions.http.app import TITLE, VERSION

router = APIRouter(tags=["about"])
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"


@router.get("/")
def about() -> dict[str, Any]:
    """Return the API's name, version and links."""
    return {"name": TITLE, "version": VERSION, "links": {"docs": "/docs", "openapi": "/openapi.json", "health": "/health"}}


@router.get("/health")
def health() -> dict[str, bool]:
    """Tell that the API answers."""
    return {"ok": True}


@router.get("/openapi.json", include_in_schema=False)
def openapi() -> Response:
    """Return the OpenAPI document of all functions together."""
    return Response(_document(), media_type="application/json")


@router.get("/docs", include_in_schema=False)
def docs() -> HTMLResponse:
    """Return a page that shows the document and tries requests."""
    return get_swagger_ui_html(openapi_url="/openapi.json", title=TITLE)


@cache
def _document() -> bytes:
    return DOCUMENT.read_bytes()
