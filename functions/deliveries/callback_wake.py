"""Waking a callback: the delivery function writes that it is due now, and the sweeper tries it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from shared.errors import AvioError, Code
from shared.model.ids import TenantId

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient

RETRY_AFTER_S = 5


class CallbackWakeClient:
    """Asks both functions to wake a callback. `functions` returns the client on first use: most cold starts do not need it."""

    def __init__(self, functions: Callable[[], LambdaClient], delivery: str, sweeper: str, logger: Logger) -> None:
        self._functions = functions
        self._delivery = delivery
        self._sweeper = sweeper
        self._logger = logger

    def wake(self, tenant_id: TenantId) -> bool:
        """Enable a disabled callback, and have what is parked tried now; False if there is nothing to wake. Raises `unavailable`."""
        try:
            answer = self._functions().invoke(FunctionName=self._delivery, Payload=json.dumps({"wake": {"tenant_id": tenant_id}}))
            if answer.get("FunctionError"):
                raise _unavailable()
            woken = bool(json.loads(answer["Payload"].read())["woken"])
        except (ClientError, BotoCoreError, ValueError, KeyError, TypeError) as error:  # the last three: an answer of an earlier version
            raise _unavailable() from error
        if woken:
            self._start_sweep(tenant_id)
        return woken

    def _start_sweep(self, tenant_id: TenantId) -> None:
        """Start a sweep. If that fails, the scheduled sweep comes within a minute."""
        request = {"FunctionName": self._sweeper, "InvocationType": "Event", "Payload": json.dumps({"woken": {"tenant_id": tenant_id}})}
        try:
            self._functions().invoke(**request)  # type: ignore[arg-type]
        except (ClientError, BotoCoreError) as error:
            self._logger.warning("sweeper cannot be started", extra={"tenant_id": tenant_id, "fault": type(error).__name__})


def _unavailable() -> AvioError:
    return AvioError(Code.UNAVAILABLE, "The callback cannot be woken right now. Try again in some seconds.", retry_after_s=RETRY_AFTER_S)
