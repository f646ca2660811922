"""What the delivery function and the sweeper are both composed of."""

from __future__ import annotations

import ssl

import certifi

from functions.callback_delivery.network import resolve
from functions.callback_delivery.post import Poster
from functions.callback_delivery.recipients import DeploymentSigningSecret, Recipients
from shared import aws
from shared.clock import SystemClock
from shared.crypto import Envelope
from shared.observability import get_logger
from shared.settings import CallbackSettings, DeliverySettings
from shared.store.backlog import BacklogStore
from shared.store.callback_states import CallbackStateStore
from shared.store.deliveries import DeliveryStore
from shared.store.delivery_log import DeliveryLog
from shared.store.delivery_snapshot import SnapshotReader
from shared.store.table import Table
from shared.store.tenants import TenantStore


class DeliveryFunctionSettings(DeliverySettings, CallbackSettings):
    """What both functions read from the environment."""

    kms_key_id: str
    secret_id: str
    app_base_url: str = ""


class Composition:
    """Stores, recipients, clock and log. Made once in a function's life."""

    def __init__(self, settings: DeliveryFunctionSettings) -> None:
        self.clock = SystemClock()
        self.logger = get_logger()
        dynamodb = aws.dynamodb()
        deliveries, state = Table(dynamodb, settings.deliveries_table_name), Table(dynamodb, settings.table_name)
        self.deliveries = DeliveryStore(deliveries, settings.deliveries_kept_days)
        self.callbacks = CallbackStateStore(deliveries)
        self.backlog = BacklogStore(deliveries, self.deliveries)
        self.log = DeliveryLog(deliveries)
        self.snapshots = SnapshotReader(deliveries, state)
        self.state = state
        self.tenants = TenantStore(state)
        fallback = DeploymentSigningSecret(aws.secretsmanager(), settings.secret_id, self.clock)
        self.recipients = Recipients(self.tenants, Envelope(aws.kms, settings.kms_key_id), fallback, self.clock)
        self._allowed = settings
        self._trust = ssl.create_default_context(cafile=certifi.where())

    def poster(self) -> Poster:
        """Make a poster with connections of its own."""
        return Poster(allowed=self._allowed, resolve=resolve, trust=self._trust, clock=self.clock)
