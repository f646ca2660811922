"""The id of the current request. It goes along with all work for the request, from process to process.

It is a context variable: the request's task, and threads that the task waits for, see the id of their own request.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

HEADER = "X-Request-Id"
_FORM = re.compile(r"[A-Za-z0-9-]{1,64}")
_current: ContextVar[str | None] = ContextVar("request_id", default=None)


def current() -> str | None:
    """Return the id of the current request, or None outside of a request."""
    return _current.get()


@contextmanager
def serving(request_id: str) -> Iterator[None]:
    """Set the id of the current request for the block."""
    token = _current.set(request_id)
    try:
        yield
    finally:
        _current.reset(token)


def received(value: str | None) -> str | None:
    """Return an id that another process sent, or None if it is not in the form of an id. Only that form may reach the log."""
    return value if value is not None and _FORM.fullmatch(value) else None
