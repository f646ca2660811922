"""Requests that change something at the messenger: they count for the tenant's rate limit, and are done once under an `Idempotency-Key`.

    def send_message(body: NewMessage, access: SendAccess, once: Idempotent, ...) -> SentMessage:
        return once.run(SentMessage, lambda attempt: ..., ready=...)

A route opts in by its parameter `once` (contract M3, G7). `run` comes after the checks of the request's form.
The item of the rate limit and the record of the key are read with the tenant, and written in one transaction:

    read      tenant, key of the caller, account, rate limit, record      one request, before the route
    begin     count the request, lease the record                         one transaction; without a key one update
    act       the account's owner is asked
    end       keep the answer, or say that it may be tried again          one update; without a key none

A run that dies anywhere leaves a record that the next one takes over, with the same random ids.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from pydantic import BaseModel

from functions.http import idempotency_record
from functions.http.idempotency import HEADER, REPLAYED, IdempotencyKey
from functions.http.idempotent_request_service import EarlierAnswer, IdempotentRequestService, RequestAttempt, add_headers
from shared.errors import AvioError, Code

__all__ = ["Idempotent", "RequestAttempt", "is_idempotent"]
M = TypeVar("M", bound=BaseModel)


class IdempotentRequest:
    """One request to a route that is idempotent."""

    def __init__(self, request: Request, idempotency_key: str | None) -> None:
        self._request = request
        self._idempotency_key = idempotency_key

    def run(self, model: type[M], action: Callable[[RequestAttempt], M], ready: Callable[[], None] = lambda: None) -> M:
        """Run `action` once, and return its result; or return the answer that an earlier request with this key got.

        `ready` raises where the request cannot be carried out for now; then it counts for nothing. Raises what `action` raises,
        `rate_limited`, `idempotency_key_reused`, `request_in_progress`, and `outcome_unknown` where it stays open whether an earlier run
        has done it.
        """
        service: IdempotentRequestService = self._request.app.state.pipeline.idempotent_requests
        begun = service.begin(self._request, self._idempotency_key, ready)
        if isinstance(begun, EarlierAnswer):
            add_headers(self._request, {REPLAYED: "true"})
            answer = json.loads(begun.answer)
            if "error" in answer:
                raise AvioError.from_json(answer["error"])
            return model.model_validate(answer["result"])
        try:
            result = action(begun.attempt)
        except Exception as error:
            begun.end(partial(idempotency_record.keep_refusal, error=error, took_over=begun.attempt.began_at is not None))
            raise
        begun.end(partial(idempotency_record.keep_result, result=result.model_dump(mode="json")))
        return result


def _idempotent_request(request: Request, idempotency_key: IdempotencyKey = None) -> IdempotentRequest:
    if len(request.headers.getlist(HEADER)) > 1:
        problem = {"field": f"header.{HEADER.lower()}", "problem": "This header should be given once."}
        raise AvioError(Code.INVALID_REQUEST, fields=[problem])
    return IdempotentRequest(request, idempotency_key)


Idempotent = Annotated[IdempotentRequest, Depends(_idempotent_request)]


def is_idempotent(dependant: Dependant) -> bool:
    """Tell whether a route takes an `Idempotency-Key` and counts for the rate limit."""
    return dependant.call is _idempotent_request or any(map(is_idempotent, dependant.dependencies))
