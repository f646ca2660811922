"""Composition root of the delivery function: one batch of the `events` queue per run. It never raises."""

from __future__ import annotations

import asyncio
from typing import Any

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from functions.callback_delivery import composition
from functions.callback_delivery.attempt import EventPoster
from functions.callback_delivery.callback_test import CallbackTester
from functions.callback_delivery.callback_wake import CallbackWaker
from functions.callback_delivery.deliver import Deliverer, batch_of
from functions.callback_delivery.queue import Messages, entries_of
from functions.callback_delivery.run_state import Tally
from shared import aws
from shared.model.ids import TenantId

METRICS = {
    "delivered": "EventsDelivered",
    "failed": "AttemptsFailed",
    "dead": "EventsDead",
    "dropped": "EventsDropped",
    "kept": "EventsKept",
    "parked": "EventsParked",
    "disabled": "CallbacksDisabled",
}


class Settings(composition.Settings):
    """What this function reads from the environment."""

    events_queue_url: str


settings = Settings()
metrics = Metrics(namespace="Avio")
runner = asyncio.Runner()  # one loop for the function's life, so that connections outlive a run
made = composition.Parts(settings)
poster, clock, logger = made.poster(), made.clock, made.logger
tester = CallbackTester(made.recipients, poster.post, clock)
messages = Messages(aws.sqs(), settings.events_queue_url)
attempts = EventPoster(poster.post, clock)
deliverer = Deliverer(made.recipients, made.deliveries, made.backlog, made.state, messages, attempts, clock, logger)
waker = CallbackWaker(made.tenants, made.backlog, clock, logger)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Deliver a batch; name the messages that stay in the queue. Or, asked by the deliveries function, test or wake a callback."""
    del context
    if "wake" in event:
        return {"woken": waker.wake(TenantId(event["wake"]["tenant_id"]))}
    if "test" in event:
        return runner.run(tester.make(TenantId(event["test"]["tenant_id"])))
    failed = [record["messageId"] for record in event["Records"]]
    try:
        failed, tally = runner.run(deliverer.run(entries_of(event)))
        _measure(tally)
    except Exception as error:
        logger.error("batch failed", extra={"fault": type(error).__name__}, exc_info=error)
    return batch_of(failed)


def _measure(tally: Tally) -> None:
    counted = {METRICS[name]: getattr(tally, name) for name in METRICS if getattr(tally, name)}
    for name, count in counted.items():
        metrics.add_metric(name, MetricUnit.Count, count)
    for lag_ms in tally.lags_ms:
        metrics.add_metric("DeliveryLag", MetricUnit.Milliseconds, lag_ms)
    if counted:
        metrics.flush_metrics()
