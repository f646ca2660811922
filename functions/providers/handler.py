"""Composition root of the providers function."""

from __future__ import annotations

from functions.http.http_function import HttpFunction
from functions.providers import token_routes, webhook_routes
from functions.providers.provider_events import ProviderEvents
from functions.providers.provider_token_service import ProviderTokenService
from shared import aws
from shared.crypto import Envelope
from shared.queues import EventsQueue
from shared.settings import DeliverySettings, HttpSettings
from shared.store.deliveries import DeliveryStore
from shared.store.provider_sessions import ProviderSessionStore
from shared.store.provider_tokens import ProviderTokenStore
from shared.store.table import Table


class ProvidersSettings(HttpSettings, DeliverySettings):
    """What this function reads from the environment."""

    events_queue_url: str
    kms_key_id: str


settings = ProvidersSettings()
function = HttpFunction(settings)
deliveries = DeliveryStore(Table(function.dynamodb, settings.deliveries_table_name), settings.deliveries_kept_days)
handler = function.handler(
    [webhook_routes.router, token_routes.router],
    ProviderEvents(deliveries, ProviderSessionStore(function.table), EventsQueue(aws.sqs(), settings.events_queue_url), function.clock),
    ProviderTokenService(function.tenants, ProviderTokenStore(function.table), Envelope(aws.kms, settings.kms_key_id), function.clock),
)
