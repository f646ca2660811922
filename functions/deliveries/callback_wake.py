"""Waking a callback: the delivery function writes that it is to be tried, and the sweeper tries it now."""

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


class CallbackWake:
    """Has callbacks woken. `functions` returns the client: most cold starts do not need it."""

    def __init__(self, functions: Callable[[], LambdaClient], delivery: str, sweeper: str, logger: Logger) -> None:
        self._functions = functions
        self._delivery = delivery
        self._sweeper = sweeper
        self._logger = logger

    def wake(self, tenant_id: TenantId) -> bool:
        """Enable a disabled callback and try what is parked now; False where there is nothing to wake. Raises `unavailable`."""
        try:
            answer = self._functions().invoke(FunctionName=self._delivery, Payload=json.dumps({"wake": {"tenant_id": tenant_id}}))
            if answer.get("FunctionError"):
                raise _unavailable()
            woken = bool(json.loads(answer["Payload"].read())["woken"])
        except (ClientError, BotoCoreError, ValueError, KeyError, TypeError) as error:  # the last three: of an earlier version
            raise _unavailable() from error
        if woken:
            self._sweep(tenant_id)
        return woken

    def _sweep(self, tenant_id: TenantId) -> None:
        """Have the sweeper look now; where that fails, it does so within a minute by itself."""
        asked = {"FunctionName": self._sweeper, "InvocationType": "Event", "Payload": json.dumps({"woken": {"tenant_id": tenant_id}})}
        try:
            self._functions().invoke(**asked)  # type: ignore[arg-type]
        except (ClientError, BotoCoreError) as error:
            self._logger.warning("the sweeper cannot be asked", extra={"tenant_id": tenant_id, "fault": type(error).__name__})


def _unavailable() -> AvioError:
    return AvioError(Code.UNAVAILABLE, "The callback cannot be woken right now.", retry_after_s=RETRY_AFTER_S)
