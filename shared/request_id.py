"""The id of the request that is being served: it goes with everything that is done for it, from one process to the next.

A context variable: what runs in the request's task, or in the thread that it waits for, sees its own.
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
    """Return the id of the request that is being served here, or None where none is."""
    return _current.get()


@contextmanager
def serving(request_id: str) -> Iterator[None]:
    """Serve a request: within the block its id is the current one."""
    token = _current.set(request_id)
    try:
        yield
    finally:
        _current.reset(token)


def received(value: str | None) -> str | None:
    """Return an id that came from another process, or None where it is none: it goes to the log, so it has a form."""
    return value if value is not None and _FORM.fullmatch(value) else None
