"""Composition root of the deliveries function."""

from __future__ import annotations

from functions.deliveries import routes
from functions.deliveries.callback_test import CallbackTestClient
from functions.deliveries.callback_test_limit import CallbackTestLimit
from functions.deliveries.callback_wake import CallbackWakeClient
from functions.deliveries.history import DeliveryHistory
from functions.http.adapter import lambda_handler
from functions.http.app import create_app
from functions.http.callers import Gate
from functions.http.tokens import CachedTokens
from shared import aws
from shared.clock import SystemClock
from shared.observability import get_logger
from shared.queues import EventsQueue
from shared.settings import DeliverySettings, HttpSettings
from shared.store.callback_states import CallbackStateStore
from shared.store.deliveries import DeliveryStore
from shared.store.delivery_log import DeliveryLog
from shared.store.table import Table
from shared.store.tenants import TenantStore
from shared.store.tokens import TokenStore


class Settings(HttpSettings, DeliverySettings):
    """What this function reads from the environment."""

    events_queue_url: str
    delivery_function: str
    sweeper_function: str


settings = Settings()
client = aws.dynamodb()
state, deliveries_table = Table(client, settings.table_name), Table(client, settings.deliveries_table_name)
deliveries = DeliveryStore(deliveries_table, settings.deliveries_kept_days)
callbacks = CallbackStateStore(deliveries_table)
queue = EventsQueue(aws.sqs(), settings.events_queue_url)
logger = get_logger()
gate = Gate(TenantStore(state), CachedTokens(TokenStore(state), SystemClock()))
app = create_app([routes.router], gate=gate, origins=settings.origins, logger=logger)
app.state.log = DeliveryHistory(deliveries, DeliveryLog(deliveries_table), callbacks, queue, SystemClock(), logger)
app.state.trial = CallbackTestClient(aws.functions, settings.delivery_function, CallbackTestLimit(deliveries_table, SystemClock()))
app.state.waking = CallbackWakeClient(aws.functions, settings.delivery_function, settings.sweeper_function, logger)
handler = lambda_handler(app)
