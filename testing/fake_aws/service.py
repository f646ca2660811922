"""The base of the fake services: operations by name, each with the parameters that it supports."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Request = dict[str, Any]
Answer = dict[str, Any]


class RequestRefused(Exception):
    """An error answer of AWS: its code, its message and the fields beside them."""

    def __init__(self, code: str, message: str = "", **fields: Any) -> None:
        super().__init__(code, message)
        self.code, self.message, self.fields = code, message, fields


class NotSupported(Exception):
    """A request uses something that the fake does not support. Callers do not catch it: support it, or do without."""


@dataclass(frozen=True)
class Operation:
    """`run` answers a request that has no parameters but these."""

    run: Callable[[Request], Answer]
    parameters: frozenset[str]


def operation(run: Callable[[Request], Answer], parameters: str) -> Operation:
    """Return an operation that supports these parameters, separated by spaces."""
    return Operation(run, frozenset(parameters.split()))


class FakeService:
    """Answers requests in the form of boto3: binary values are bytes. Safe to use from several threads."""

    def __init__(self, operations: Mapping[str, Operation]) -> None:
        self.operations = operations
        self._lock = threading.RLock()

    def answer(self, name: str, request: Request) -> Answer:
        """Answer a request; raises RequestRefused as AWS does, and NotSupported."""
        found = self.operations.get(name)
        if found is None:
            raise NotSupported(name)
        if not request.keys() <= found.parameters:
            raise NotSupported(f"{name} with {', '.join(sorted(request.keys() - found.parameters))}")
        with self._lock:
            return found.run(request)
