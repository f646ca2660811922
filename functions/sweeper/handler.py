"""Composition root of the sweeper: a run a minute, each within a minute. What it finds is in the index of what is due."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

import httpcore
from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from functions.callback_delivery.addressees import Addressees, DeploymentSecret
from functions.callback_delivery.attempt import Attempts
from functions.callback_delivery.network import resolve
from functions.callback_delivery.post import Poster
from functions.sweeper.chat import Chats
from functions.sweeper.sweep import Sweeper
from functions.sweeper.visit import Visits
from shared import aws
from shared.clock import SystemClock
from shared.crypto import Envelope
from shared.observability import get_logger
from shared.settings import CallbackSettings, DeliverySettings
from shared.store.deliveries import DeliveryStore
from shared.store.parking import ParkingStore
from shared.store.table import Table
from shared.store.tenants import TenantStore


class Settings(DeliverySettings, CallbackSettings):
    """What this function reads from the environment."""

    kms_key_id: str
    secret_id: str


METRICS = {
    "probes": "Probes",
    "delivered": "EventsDelivered",
    "failed": "AttemptsFailed",
    "dead": "EventsDead",
    "dropped": "EventsDropped",
    "opened": "ChatsOpened",
    "disabled": "CallbacksDisabled",
}
settings = Settings()
clock = SystemClock()
logger = get_logger()
metrics = Metrics(namespace="Avio")
runner = asyncio.Runner()  # one loop for the function's life, so that connections outlive a run
dynamodb = aws.dynamodb()
table = Table(dynamodb, settings.deliveries_table_name)
deliveries = DeliveryStore(table, settings.deliveries_kept_days)
parking = ParkingStore(table, deliveries)
trust = httpcore.default_ssl_context()


def chats() -> Chats:
    """Make what posts, with connections of its own."""
    poster = Poster(allowed=settings, resolve=resolve, trust=trust, clock=clock)
    return Chats(parking, deliveries, Attempts(poster.post, clock), clock, logger)


addressees = Addressees(
    TenantStore(Table(dynamodb, settings.table_name)),
    Envelope(aws.kms, settings.kms_key_id),
    DeploymentSecret(aws.secretsmanager(), settings.secret_id, clock),
    clock,
)
sweeper = Sweeper(parking, Visits(addressees, parking, deliveries, chats(), chats(), clock, logger), clock, logger)


def handler(event: object, context: object) -> None:
    """Sweep."""
    del event, context
    tally = runner.run(sweeper.run())
    counted = {METRICS[name]: count for name, count in asdict(tally).items() if count}
    for name, count in counted.items():
        metrics.add_metric(name, MetricUnit.Count, count)
    if counted:
        metrics.flush_metrics()
