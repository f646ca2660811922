"""Composition root of the sweeper: a run a minute, and one whenever a callback was woken. What it finds is in the index of what is due."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from functions.callback_delivery.attempt import EventPoster
from functions.callback_delivery.composition import Parts, Settings
from functions.sweeper.callback_drain import Visits
from functions.sweeper.chat_drain import Chats
from functions.sweeper.sweep import Sweeper

METRICS = {
    "probes": "Probes",
    "delivered": "EventsDelivered",
    "failed": "AttemptsFailed",
    "dead": "EventsDead",
    "dropped": "EventsDropped",
    "opened": "ChatsOpened",
    "disabled": "CallbacksDisabled",
}
metrics = Metrics(namespace="Avio")
runner = asyncio.Runner()  # one loop for the function's life, so that connections outlive a run
made = Parts(Settings())
deliveries, backlog, clock, logger = made.deliveries, made.backlog, made.clock, made.logger


def chats() -> Chats:
    """Make what posts, with connections of its own."""
    return Chats(made.recipients, backlog, deliveries, EventPoster(made.poster().post, clock), clock, logger)


sweeper = Sweeper(backlog, Visits(made.recipients, backlog, deliveries, chats(), chats(), clock, logger), clock, logger)


def handler(event: dict[str, Any], context: object) -> None:
    """Sweep. Asked by the deliveries function for what is due now, leave it to the next scheduled run to look ahead."""
    del context
    tally = runner.run(sweeper.run(ahead="woken" not in event))
    counted = {METRICS[name]: count for name, count in asdict(tally).items() if count}
    for name, count in counted.items():
        metrics.add_metric(name, MetricUnit.Count, count)
    if counted:
        metrics.flush_metrics()
