"""A test of a tenant's callback (contract C4). The delivery function makes it: it may open signing secrets, and this function may not."""

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


class CallbackTestClient:
    """Asks the delivery function for tests. `functions` returns the client on first use: most cold starts do not need it."""

    def __init__(self, functions: Callable[[], LambdaClient], name: str, limit: CallbackTestLimit) -> None:
        self._functions = functions
        self._name = name
        self._limit = limit

    def test(self, tenant: Tenant) -> Attempt:
        """Test a tenant's callback; return the attempt that it accepted.

        Raises `no_callback_url`, `rate_limited`, `callback_failed` with the callback's answer, or `unavailable`.
        """
        if tenant.callback_url is None:
            raise AvioError(Code.NO_CALLBACK_URL)
        self._limit.take(tenant.id)
        attempt = self._invoke({"test": {"tenant_id": tenant.id}})
        if attempt.status is None or not 200 <= attempt.status < 300:
            raise AvioError(Code.CALLBACK_FAILED, **attempt_fields(attempt))
        return attempt

    def _invoke(self, payload: dict[str, Any]) -> Attempt:
        try:
            answer = self._functions().invoke(FunctionName=self._name, Payload=json.dumps(payload))
            if answer.get("FunctionError"):  # its storage or keys did not answer; its log says more
                raise _unavailable()
            return Attempt.model_validate_json(answer["Payload"].read())
        except (ClientError, BotoCoreError, ValueError) as error:  # ValueError: during a deployment, an answer of another version
            raise _unavailable() from error


def attempt_fields(attempt: Attempt) -> dict[str, Any]:
    """Return the fields of an attempt that the API shows."""
    return {"status": attempt.status, "fault": attempt.error, "duration_ms": attempt.duration_ms, "answer": attempt.text}


def _unavailable() -> AvioError:
    return AvioError(Code.UNAVAILABLE, "The test cannot be made right now. Try again in some seconds.", retry_after_s=RETRY_AFTER_S)
