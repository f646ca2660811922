"""The `Link` header of a list that comes in pages (RFC 8288)."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import Request, Response


def link_next(request: Request, response: Response, cursor: str | None) -> None:
    """Name the next page in an answer's header: the same request from the cursor on. Without a cursor there is none."""
    if cursor is not None:
        query = urlencode({**request.query_params, "cursor": cursor})
        response.headers["Link"] = f'<{request.url.path}?{query}>; rel="next"'
