"""Composition root of the sweeper: it runs once a minute, and once more when a callback is woken. An index shows what is due."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from functions.callback_delivery.attempt import EventPoster
from functions.callback_delivery.composition import Composition, DeliveryFunctionSettings
from functions.sweeper.status_events import StatusEvents
from functions.sweeper.sweep import Sweeper
from functions.sweeper.sweep_run import PosterPool, SweepCounts, SweepServices
from shared import aws
from shared.queues import EventsQueue
from shared.store.status_outbox import StatusOutbox

METRICS = {
    "probes": "Probes",
    "delivered": "EventsDelivered",
    "failed": "AttemptsFailed",
    "dead": "EventsDead",
    "dropped": "EventsDropped",
    "resumed": "ChatsOpened",
    "disabled": "CallbacksDisabled",
}


class SweeperSettings(DeliveryFunctionSettings):
    """What the sweeper reads from the environment."""

    events_queue_url: str


metrics = Metrics(namespace="Avio")
runner = asyncio.Runner()  # one loop for the function's life, so that connections outlive a run
settings = SweeperSettings()
made = Composition(settings)
services = SweepServices(
    recipients=made.recipients,
    deliveries=made.deliveries,
    callbacks=made.callbacks,
    backlog=made.backlog,
    drains=PosterPool(EventPoster(made.poster().post, made.clock, settings.app_base_url)),
    probes=PosterPool(EventPoster(made.poster().post, made.clock, settings.app_base_url)),
    clock=made.clock,
    logger=made.logger,
)
sweeper = Sweeper(services)
status_events = StatusEvents(StatusOutbox(made.state), EventsQueue(aws.sqs(), settings.events_queue_url), made.logger)


async def run(*, ahead: bool) -> SweepCounts:
    """Sweep, and queue changes of accounts' states as long as that takes."""
    async with asyncio.TaskGroup() as group:
        telling = group.create_task(status_events.run())
        await asyncio.sleep(0)
        counts = await sweeper.run(ahead=ahead)
        await asyncio.to_thread(status_events.send)
        telling.cancel()
    return counts


def handler(event: dict[str, Any], context: object) -> None:
    """Sweep. A run for a woken callback takes only what is due now; the scheduled runs also wait for what becomes due."""
    del context
    _measure(runner.run(run(ahead="woken" not in event)))


def _measure(counts: SweepCounts) -> None:
    values = asdict(counts)
    counted = {METRICS[name]: values[name] for name in METRICS if values[name]}
    for name, count in counted.items():
        metrics.add_metric(name, MetricUnit.Count, count)
    if counts.late_s:
        metrics.add_metric("SweepLag", MetricUnit.Seconds, counts.late_s)
    if counted or counts.late_s:
        metrics.flush_metrics()
