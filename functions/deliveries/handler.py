"""Composition root of the deliveries function."""

from __future__ import annotations

from functions.deliveries import event_routes, routes
from functions.deliveries.callback_test import CallbackTestClient
from functions.deliveries.callback_test_limit import CallbackTestLimit
from functions.deliveries.callback_wake import CallbackWakeClient
from functions.deliveries.event_pull_client import EventPullClient
from functions.deliveries.history import DeliveryHistory
from functions.http.http_function import HttpFunction
from shared import aws
from shared.queues import EventsQueue
from shared.settings import DeliverySettings, HttpSettings
from shared.store.callback_states import CallbackStateStore
from shared.store.deliveries import DeliveryStore
from shared.store.delivery_log import DeliveryLog
from shared.store.table import Table


class DeliveriesSettings(HttpSettings, DeliverySettings):
    """What this function reads from the environment."""

    events_queue_url: str
    delivery_function: str
    sweeper_function: str


settings = DeliveriesSettings()
function = HttpFunction(settings)
clock, logger = function.clock, function.logger
table = Table(function.dynamodb, settings.deliveries_table_name)
deliveries = DeliveryStore(table, settings.deliveries_kept_days)
callbacks = CallbackStateStore(table)
queue = EventsQueue(aws.sqs(), settings.events_queue_url)
handler = function.handler(
    [routes.router, event_routes.router],
    DeliveryHistory(deliveries, DeliveryLog(table), callbacks, queue, clock, logger),
    CallbackTestClient(aws.functions, settings.delivery_function, CallbackTestLimit(table, clock)),
    EventPullClient(aws.functions, settings.delivery_function, DeliveryLog(table)),
    CallbackWakeClient(aws.functions, settings.delivery_function, settings.sweeper_function, logger),
)
