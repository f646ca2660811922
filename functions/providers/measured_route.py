"""Counts what providers post, as EMF in the log (contract P6): CloudWatch reads the metrics from there.

    webhook_provider_total{status,channel}    wa_to_app_total{event,status}

`status` is `ok`, `unauthorized`, `invalid`, `unavailable` or `error`. What a stranger sends never becomes a name: channel and event are
known ones, or `unknown`.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from aws_lambda_powertools import single_metric
from aws_lambda_powertools.metrics import MetricUnit
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from functions.http.errors import STATUS
from functions.http.json_body import parse
from shared.errors import AvioError
from shared.model.ids import Channel
from shared.store.table import StoreUnavailable

NAMESPACE = "Avio"
UNKNOWN = "unknown"
EVENTS = ("messages.incoming", "qr", "ready")
_WORDS = {401: "unauthorized", 403: "unauthorized", 503: "unavailable"}


class MeasuredRoute(APIRoute):
    """A route whose requests are counted, also those that are refused before its own code."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the route's handler, with the counting around it."""
        handle = super().get_route_handler()

        async def measured(request: Request) -> Response:
            status = 500
            try:
                response = await handle(request)
                status = response.status_code
            except AvioError as error:
                status = STATUS[error.code]
                raise
            except RequestValidationError:
                status = 422
                raise
            except StoreUnavailable:
                status = 503
                raise
            finally:
                _count(request, status)
            return response

        return measured


def word_of(status: int) -> str:
    """Return the metric's word for an HTTP status."""
    return _WORDS.get(status) or ("ok" if status < 400 else "invalid" if status < 500 else "error")


def _count(request: Request, status: int) -> None:
    said = {} if request.state.body.fault else parse(request.state.body.content or b"null")
    channel, event = _channel_and_event(said if isinstance(said, dict) else {})
    _add("webhook_provider_total", {"status": word_of(status), "channel": channel})
    _add("wa_to_app_total", {"event": event, "status": word_of(status)})


def _channel_and_event(said: Mapping[str, Any]) -> tuple[str, str]:
    channel = next((str(known) for known in Channel if known in (said.get("channel"), said.get("provider"))), UNKNOWN)
    return channel, next((known for known in EVENTS if known == said.get("event")), UNKNOWN)


def _add(name: str, dimensions: Mapping[str, str]) -> None:
    with single_metric(name=name, unit=MetricUnit.Count, value=1, namespace=NAMESPACE) as metric:
        for dimension, value in dimensions.items():
            metric.add_dimension(name=dimension, value=value)
