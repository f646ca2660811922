"""Composition root of the erasure function. It runs on a schedule, outside the VPC. Safe to run twice."""

from __future__ import annotations

from dataclasses import asdict

from functions.erasure.dead_letters import DeadLetters
from functions.erasure.erase import Eraser
from shared import aws
from shared.clock import SystemClock
from shared.media_bucket import MediaBucket
from shared.observability import get_logger
from shared.settings import DeliverySettings, MediaSettings
from shared.store.deliveries import DeliveryStore
from shared.store.table import Table
from shared.store.tenants import TenantStore
from shared.store.workers import WorkerStore


class ErasureSettings(DeliverySettings, MediaSettings):
    """What this function reads from the environment."""

    dead_events_queue_url: str


settings = ErasureSettings()
logger, clock = get_logger(), SystemClock()
dynamodb = aws.dynamodb()
table = Table(dynamodb, settings.table_name)
deliveries = DeliveryStore(Table(dynamodb, settings.deliveries_table_name))
dead_letters = DeadLetters(aws.sqs(), settings.dead_events_queue_url, clock)
bucket = MediaBucket(aws.s3, settings.media_bucket)
eraser = Eraser(table, TenantStore(table), WorkerStore(table), deliveries, dead_letters, bucket, clock, logger)


def handler(event: object, context: object) -> None:
    """Erase what is left of the ended tenants that are due."""
    del event, context
    counts = eraser.run()
    if counts.looks or counts.dead_letters:
        logger.info("ended tenants looked at", extra=asdict(counts))
