"""What `make demo` prints: steps, requests with their answers and times, and what was seen; the first thing that is wrong ends it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx

Found = TypeVar("Found")
SECRET = ("key", "signing_secret", "password")
WIDE = 150


class Unexpected(Exception):
    """Something came out otherwise than it should; the message says what was expected and what came."""

    def __init__(self, what: str, expected: object, came: object) -> None:
        super().__init__(f"  {what}\n    expected  {expected}\n    came      {came}")


class Transcript:
    """Does a thing, tells of it, and raises `Unexpected` where it is not as it should be."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self._began = time.monotonic()
        self.steps = 0
        self.checks = 0

    def as_caller(self, headers: dict[str, str]) -> None:
        """Make the requests that follow with these credentials and no others."""
        self.client.headers.pop("X-Admin-Token", None)
        self.client.headers.update(headers)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the transcript began."""
        return time.monotonic() - self._began

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Put what happens under a heading, and its time at the end."""
        self.steps += 1
        began = time.monotonic()
        print(f"\n{self.steps:2}. {title}", flush=True)
        yield
        print(f"    {time.monotonic() - began:.2f} s", flush=True)

    def request(self, method: str, path: str, body: dict[str, Any] | None = None, *, status: int = 200, error: str | None = None) -> Any:
        """Call the API; the answer must have this status, and this error code or none."""
        print(f"    {method} {path}" + (f"  {_short(body)}" if body else ""), flush=True)
        answer = self.client.request(method, path, json=body)
        seconds = answer.elapsed.total_seconds()
        try:
            content = answer.json()
        except ValueError:
            content = {"text": answer.text}
        print(f"      {answer.status_code}  {_short(content)}  ({seconds:.2f} s)", flush=True)
        came = (answer.status_code, content.get("error") if isinstance(content, dict) else None)
        self.holds(f"{method} {path}", came == (status, error), _named(status, error), f"{answer.status_code} {_short(content)}")
        return content

    def equal(self, what: str, came: object, expected: object) -> None:
        """Say that something is as expected."""
        self.holds(what, came == expected, expected, came)
        self.saw(what)

    def holds(self, what: str, held: bool, expected: object, came: object) -> None:
        """Go on only if it held."""
        if not held:
            raise Unexpected(what, expected, came)
        self.checks += 1

    def saw(self, what: str) -> None:
        """Tell of something that is as it should be."""
        print(f"      + {what}", flush=True)

    def eventually(self, what: str, look: Callable[[], Found | None], deadline_s: float, every_s: float = 0.1) -> Found:
        """Look again and again until there is something; what is looked at offers nothing to wait on."""
        ends = time.monotonic() + deadline_s
        while (found := look()) is None:
            if time.monotonic() > ends:
                raise Unexpected(what, f"within {deadline_s:.0f} s", "nothing")
            time.sleep(every_s)
        self.checks += 1
        return found


def _named(status: int, error: str | None) -> str:
    return f"{status} {error}" if error else str(status)


def _short(content: Any) -> str:
    """JSON on one line, secrets left out, cut where it is long."""
    if isinstance(content, dict):
        content = {name: "***" if name in SECRET else value for name, value in content.items() if name != "request_id"}
    text = json.dumps(content, ensure_ascii=False)
    return text if len(text) <= WIDE else text[: WIDE - 1] + "…"
