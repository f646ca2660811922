"""A test of a tenant's callback (contract C4), made by the delivery function: it may open signing secrets, and this one need not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from functions.deliveries.callback_test_limit import CallbackTestLimit
from shared.errors import AvioError, Code
from shared.model.delivery import Attempt
from shared.model.tenant import Tenant

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient

RETRY_AFTER_S = 5


class CallbackTest:
    """Has the delivery function make one attempt with a test event. `functions` returns the client: most cold starts do not need it."""

    def __init__(self, functions: Callable[[], LambdaClient], name: str, limit: CallbackTestLimit) -> None:
        self._functions = functions
        self._name = name
        self._limit = limit

    def make(self, tenant: Tenant) -> Attempt:
        """Return the attempt, which the callback took.

        Raises `no_callback_url`, `rate_limited`, `callback_failed` with what it said, or `unavailable`.
        """
        if tenant.callback_url is None:
            raise AvioError(Code.NO_CALLBACK_URL)
        self._limit.take(tenant.id)
        attempt = self._ask({"test": {"tenant_id": tenant.id}})
        if attempt.status is None or not 200 <= attempt.status < 300:
            raise AvioError(Code.CALLBACK_FAILED, **told(attempt))
        return attempt

    def _ask(self, payload: dict[str, Any]) -> Attempt:
        try:
            answer = self._functions().invoke(FunctionName=self._name, Payload=json.dumps(payload))
            if answer.get("FunctionError"):  # storage or keys did not answer it; its log says more
                raise _unavailable()
            return Attempt.model_validate_json(answer["Payload"].read())
        except (ClientError, BotoCoreError, ValueError) as error:  # ValueError: of another version, while one is being deployed
            raise _unavailable() from error


def told(attempt: Attempt) -> dict[str, Any]:
    """Return an attempt as the outside sees it."""
    return {"status": attempt.status, "fault": attempt.error, "duration_ms": attempt.duration_ms, "answer": attempt.text}


def _unavailable() -> AvioError:
    return AvioError(Code.UNAVAILABLE, "The test could not be made right now.", retry_after_s=RETRY_AFTER_S)
