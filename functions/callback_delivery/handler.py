"""Composition root of the delivery function: it delivers one batch of the `events` queue per run, and never raises for a batch."""

from __future__ import annotations

import asyncio
from typing import Any

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from functions.callback_delivery import composition
from functions.callback_delivery.attempt import EventPoster
from functions.callback_delivery.callback_test import CallbackTester
from functions.callback_delivery.callback_wake import CallbackWaker
from functions.callback_delivery.deliver import Deliverer, batch_response
from functions.callback_delivery.event_fetch import EventFetch, acknowledge, fetch
from functions.callback_delivery.queue import Messages, entries_of
from functions.callback_delivery.run_state import DeliveryCounts
from functions.callback_delivery.services import DeliveryServices
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


class CallbackDeliverySettings(composition.DeliveryFunctionSettings):
    """What this function reads from the environment."""

    events_queue_url: str


settings = CallbackDeliverySettings()
metrics = Metrics(namespace="Avio")
runner = asyncio.Runner()  # one loop for the function's life, so that connections outlive a run
made = composition.Composition(settings)
poster, clock, logger = made.poster(), made.clock, made.logger
services = DeliveryServices(
    recipients=made.recipients,
    snapshots=made.snapshots,
    deliveries=made.deliveries,
    callbacks=made.callbacks,
    backlog=made.backlog,
    messages=Messages(aws.sqs(), settings.events_queue_url),
    poster=EventPoster(poster.post, clock, settings.app_base_url),
    clock=clock,
    logger=logger,
)
deliverer = Deliverer(services)
tester = CallbackTester(made.recipients, poster.post, clock)
fetcher = EventFetch(made.backlog, made.log, clock, logger, settings.app_base_url)
waker = CallbackWaker(made.tenants, made.callbacks, made.backlog, clock, logger)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Deliver a batch; return the messages that stay in the queue.

    The deliveries function asks for a callback's test, to wake one, and for events that a callback fetches.
    """
    del context
    if "wake" in event:
        return {"woken": waker.wake(TenantId(event["wake"]["tenant_id"]))}
    if "test" in event:
        return runner.run(tester.test(TenantId(event["test"]["tenant_id"])))
    if "fetch" in event:
        return fetch(fetcher, made.tenants, TenantId(event["fetch"]["tenant_id"]), event["fetch"]["limit"])
    if "acknowledge" in event:
        return acknowledge(fetcher, TenantId(event["acknowledge"]["tenant_id"]), event["acknowledge"]["cursor"])
    failed = [record["messageId"] for record in event["Records"]]
    try:
        failed, counts = runner.run(deliverer.run(entries_of(event)))
        _measure(counts)
    except Exception as error:
        logger.error("batch failed", extra={"fault": type(error).__name__}, exc_info=error)
    return batch_response(failed)


def _measure(counts: DeliveryCounts) -> None:
    counted = {METRICS[name]: getattr(counts, name) for name in METRICS if getattr(counts, name)}
    for name, count in counted.items():
        metrics.add_metric(name, MetricUnit.Count, count)
    for lag_ms in counts.lags_ms:
        metrics.add_metric("DeliveryLag", MetricUnit.Milliseconds, lag_ms)
    if counted:
        metrics.flush_metrics()
