"""Routes about the API itself: name and links, health, the OpenAPI document and a page that shows it (contract G1)."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from functions.http.access import OPEN
from functions.http.app import TITLE
from functions.http.request_checks import check_request
from functions.tenants.html_pages import DOCS, HOME
from shared.errors import AvioError, Code
from shared.version import VERSION

router = APIRouter(tags=["about"])
ASSETS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}
_open_and_checked = [OPEN, Depends(check_request)]
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"


class About(BaseModel):
    """The API's name, its version, and where to go on."""

    name: str
    version: str
    links: dict[str, str]


class Alive(BaseModel):
    """That the API answers."""

    ok: Literal[True] = True


_html_as_well: dict[int | str, dict[str, Any]] = {200: {"content": {"text/html": {"schema": {"type": "string"}}}}}


@router.get("/", dependencies=_open_and_checked, response_model=About, responses=_html_as_well)
def about(request: Request, response: Response) -> Any:
    """Return the API's name, version and links: as JSON, or as a page where HTML is asked for."""
    if "text/html" in request.headers.get("accept", ""):
        return HTMLResponse(HOME, headers={"Vary": "Accept"})
    response.headers["Vary"] = "Accept"
    return About(name=TITLE, version=VERSION, links={"docs": "/docs", "openapi": "/openapi.json", "health": "/health"})


@router.get("/health", dependencies=_open_and_checked)
def health() -> Alive:
    """Tell that the API answers."""
    return Alive()


@router.get("/openapi.json", dependencies=[OPEN], include_in_schema=False)
def openapi() -> Response:
    """Return the OpenAPI document of all functions together."""
    return Response(_document(), media_type="application/json")


@router.get("/docs", dependencies=[OPEN], include_in_schema=False)
def docs() -> HTMLResponse:
    """Return a page that shows the document and tries requests."""
    return HTMLResponse(DOCS)


@router.get("/docs/{asset}", dependencies=[OPEN], include_in_schema=False)
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
    package = find_spec("fastapi_swagger")  # not imported: only its files are needed
    assert package is not None
    assert package.origin is not None
    return (Path(package.origin).parent / "resources" / name).read_bytes()
