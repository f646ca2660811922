"""Composition root of the delivery function: one batch of the `events` queue per run. It never raises."""

from __future__ import annotations

import asyncio
from typing import Any

import httpcore
from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from functions.callback_delivery.addressees import Addressees, DeploymentSecret
from functions.callback_delivery.attempt import Attempts
from functions.callback_delivery.deliver import Deliverer, batch_of
from functions.callback_delivery.network import resolve
from functions.callback_delivery.post import Poster
from functions.callback_delivery.queue import Messages, entries_of
from functions.callback_delivery.run import Tally
from functions.callback_delivery.trial import Trial
from shared import aws
from shared.clock import SystemClock
from shared.crypto import Envelope
from shared.model.ids import TenantId
from shared.observability import get_logger
from shared.settings import CallbackSettings, DeliverySettings
from shared.store.deliveries import DeliveryStore
from shared.store.parking import ParkingStore
from shared.store.table import Table
from shared.store.tenants import TenantStore


class Settings(DeliverySettings, CallbackSettings):
    """What this function reads from the environment."""

    events_queue_url: str
    kms_key_id: str
    secret_id: str


settings = Settings()
clock = SystemClock()
logger = get_logger()
metrics = Metrics(namespace="Avio")
runner = asyncio.Runner()  # one loop for the function's life, so that connections outlive a run
dynamodb = aws.dynamodb()
deliveries_table = Table(dynamodb, settings.deliveries_table_name)
deliveries = DeliveryStore(deliveries_table, settings.deliveries_kept_days)
poster = Poster(allowed=settings, resolve=resolve, trust=httpcore.default_ssl_context(), clock=clock)
addressees = Addressees(
    TenantStore(Table(dynamodb, settings.table_name)),
    Envelope(aws.kms, settings.kms_key_id),
    DeploymentSecret(aws.secretsmanager(), settings.secret_id, clock),
    clock,
)
trial = Trial(addressees, poster.post, clock)
deliverer = Deliverer(
    addressees,
    deliveries,
    ParkingStore(deliveries_table, deliveries),
    Messages(aws.sqs(), settings.events_queue_url),
    Attempts(poster.post, clock),
    clock,
    logger,
)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Deliver a batch; name the messages that stay in the queue. Or, asked by the deliveries function, test a callback."""
    del context
    if "test" in event:
        return runner.run(trial.make(TenantId(event["test"]["tenant_id"])))
    failed = [record["messageId"] for record in event["Records"]]
    try:
        failed, tally = runner.run(deliverer.run(entries_of(event)))
        _measure(tally)
    except Exception as error:
        logger.error("batch failed", extra={"fault": type(error).__name__}, exc_info=error)
    return batch_of(failed)


def _measure(tally: Tally) -> None:
    for name, count in (
        ("EventsDelivered", tally.delivered),
        ("AttemptsFailed", tally.failed),
        ("EventsDead", tally.dead),
        ("EventsDropped", tally.dropped),
        ("EventsParked", tally.parked),
    ):
        if count:
            metrics.add_metric(name, MetricUnit.Count, count)
    for lag_ms in tally.lags_ms:
        metrics.add_metric("DeliveryLag", MetricUnit.Milliseconds, lag_ms)
    if any((tally.delivered, tally.failed, tally.dead, tally.dropped, tally.parked)):
        metrics.flush_metrics()
