"""What the control interface refuses, with the HTTP status that says so."""

from __future__ import annotations


class ControlError(Exception):
    """A request that cannot be done; `code` is stable, `detail` is for people."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail


def not_found(what: str, which: object) -> ControlError:
    return ControlError(404, f"no_such_{what}", f"there is no {what} {which}")
