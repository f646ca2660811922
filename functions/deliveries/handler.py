"""Composition root of the deliveries function."""

from __future__ import annotations

from functions.deliveries import routes
from functions.deliveries.allowance import Allowance
from functions.deliveries.log import Log
from functions.deliveries.trial import Trial
from functions.deliveries.waking import Waking
from functions.http.http_function import HttpFunction
from shared import aws
from shared.queues import EventsQueue
from shared.settings import DeliverySettings, HttpSettings
from shared.store.deliveries import DeliveryStore
from shared.store.delivery_log import DeliveryLog
from shared.store.parking import ParkingStore
from shared.store.table import Table


class Settings(HttpSettings, DeliverySettings):
    """What this function reads from the environment."""

    events_queue_url: str
    delivery_function: str
    sweeper_function: str


settings = Settings()
function = HttpFunction(settings)
clock, logger = function.clock, function.logger
table = Table(function.dynamodb, settings.deliveries_table_name)
deliveries = DeliveryStore(table, settings.deliveries_kept_days)
parking = ParkingStore(table, deliveries)
queue = EventsQueue(aws.sqs(), settings.events_queue_url)
handler = function.handler(
    [routes.router],
    Log(deliveries, DeliveryLog(table), parking, queue, clock, logger),
    Trial(aws.functions, settings.delivery_function, Allowance(table, clock)),
    Waking(aws.functions, settings.delivery_function, settings.sweeper_function, logger),
)
