"""A client with the methods of boto3's clients, which asks a fake in this process without a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from testing.fake_aws.service import Answer, Request, RequestRefused


class InProcessClient:
    """One client for all services of a fake. `answer` takes an operation and its request."""

    def __init__(self, answer: Callable[[str, Request], Answer]) -> None:
        self._answer = answer

    def __getattr__(self, method: str) -> Callable[..., Answer]:
        if method.startswith("__"):
            raise AttributeError(method)
        operation = "".join(word.title() for word in method.split("_"))

        def call(**request: Any) -> Answer:
            try:
                return self._answer(operation, request)
            except RequestRefused as refused:
                response: Any = {"Error": {"Code": refused.code, "Message": refused.message}, **refused.fields}
                raise ClientError(response, operation) from refused

        setattr(self, method, call)  # the next call finds it without a look here
        return call
