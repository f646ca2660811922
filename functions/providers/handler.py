"""Composition root of the providers function."""

from __future__ import annotations

from functions.http.base_url import BaseUrl
from functions.http.http_function import HttpFunction
from functions.http.public_throttle import PublicThrottle
from functions.providers import public_routes, token_routes, webhook_routes
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
    app_base_url: str = ""


settings = ProvidersSettings()
function = HttpFunction(settings)
deliveries = DeliveryStore(Table(function.dynamodb, settings.deliveries_table_name), settings.deliveries_kept_days)
handler = function.handler(
    [webhook_routes.router, token_routes.router, public_routes.router],
    BaseUrl(settings.app_base_url),
    PublicThrottle(function.table, function.clock),
    ProviderEvents(deliveries, ProviderSessionStore(function.table), EventsQueue(aws.sqs(), settings.events_queue_url), function.clock),
    ProviderTokenService(function.tenants, ProviderTokenStore(function.table), Envelope(aws.kms, settings.kms_key_id), function.clock),
)
