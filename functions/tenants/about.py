"""What the API says of itself: name and links, health, its one OpenAPI document and a page to read it (contract G1)."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, Response
from fastapi.responses import HTMLResponse

from functions.http.app import TITLE
from functions.http.form import check_form
from shared.errors import AvioError, Code
from shared.version import VERSION

router = APIRouter(tags=["about"])
ASSETS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}
_well_formed = [Depends(check_form)]
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"


@router.get("/", dependencies=_well_formed)
def about() -> dict[str, Any]:
    """Return the API's name, version and links."""
    return {"name": TITLE, "version": VERSION, "links": {"docs": "/docs", "openapi": "/openapi.json", "health": "/health"}}


@router.get("/health", dependencies=_well_formed)
def health() -> dict[str, bool]:
    """Tell that the API answers."""
    return {"ok": True}


@router.get("/openapi.json", include_in_schema=False)
def openapi() -> Response:
    """Return the OpenAPI document of all functions together."""
    return Response(_document(), media_type="application/json")


@router.get("/docs", include_in_schema=False)
def docs() -> HTMLResponse:
    """Return a page that shows the document and tries requests. It loads nothing from elsewhere: people type tokens into it."""
    from fastapi.openapi.docs import get_swagger_ui_html  # seldom asked for: not for every cold start

    return get_swagger_ui_html(
        openapi_url="/openapi.json",
        title=TITLE,
        swagger_js_url="/docs/swagger-ui-bundle.js",
        swagger_css_url="/docs/swagger-ui.css",
        swagger_favicon_url="data:,",
    )


@router.get("/docs/{asset}", include_in_schema=False)
def docs_asset(asset: str) -> Response:
    """Return one of the page's own files."""
    if asset not in ASSETS:
        raise AvioError(Code.NOT_FOUND)
    return Response(_asset(asset), media_type=ASSETS[asset], headers={"Cache-Control": "public, max-age=86400"})


@cache
def _document() -> bytes:
    return DOCUMENT.read_bytes()


@cache
def _asset(name: str) -> bytes:
    package = find_spec("fastapi_swagger")  # found, not imported: its files are all that is wanted of it
    assert package is not None
    assert package.origin is not None
    return (Path(package.origin).parent / "resources" / name).read_bytes()
