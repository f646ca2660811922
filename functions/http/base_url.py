"""The address of this API as callers reach it, for links in answers."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request


@dataclass(frozen=True)
class BaseUrl:
    """`configured` is APP_BASE_URL; without it, links lead to where the request came to."""

    configured: str = ""

    def of(self, request: Request) -> str:
        """Return the address, without a slash at its end."""
        return self.configured.rstrip("/") or f"{request.url.scheme}://{request.url.netloc}"
