"""What every run of the delivery function works with. Made once in a function's life."""

from __future__ import annotations

from dataclasses import dataclass

from aws_lambda_powertools import Logger

from functions.callback_delivery.attempt import EventPoster
from functions.callback_delivery.queue import Messages
from functions.callback_delivery.recipients import Recipients
from shared.clock import Clock
from shared.store.backlog import BacklogStore
from shared.store.callback_states import CallbackStateStore
from shared.store.deliveries import DeliveryStore
from shared.store.delivery_snapshot import SnapshotReader


@dataclass(frozen=True)
class DeliveryServices:
    """Stores, queue, poster, clock and log."""

    recipients: Recipients
    snapshots: SnapshotReader
    deliveries: DeliveryStore
    callbacks: CallbackStateStore
    backlog: BacklogStore
    messages: Messages
    poster: EventPoster
    clock: Clock
    logger: Logger
