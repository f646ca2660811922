"""Composition root of the deliveries function."""

from __future__ import annotations

from functions.deliveries import routes
from functions.deliveries.allowance import Allowance
from functions.deliveries.log import Log
from functions.deliveries.trial import Trial
from functions.deliveries.waking import Waking
from functions.http.app import create_app
from functions.http.callers import Gate
from functions.http.deployment_tokens import DeploymentTokens
from functions.http.lambda_adapter import lambda_handler
from shared import aws
from shared.clock import SystemClock
from shared.observability import get_logger
from shared.queues import EventsQueue
from shared.settings import DeliverySettings, HttpSettings
from shared.store.deliveries import DeliveryStore
from shared.store.delivery_log import DeliveryLog
from shared.store.parking import ParkingStore
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
parking = ParkingStore(deliveries_table, deliveries)
queue = EventsQueue(aws.sqs(), settings.events_queue_url)
logger = get_logger()
gate = Gate(TenantStore(state), DeploymentTokens(TokenStore(state), SystemClock()))
app = create_app([routes.router], gate=gate, origins=settings.origins, logger=logger)
app.state.log = Log(deliveries, DeliveryLog(deliveries_table), parking, queue, SystemClock(), logger)
app.state.trial = Trial(aws.functions, settings.delivery_function, Allowance(deliveries_table, SystemClock()))
app.state.waking = Waking(aws.functions, settings.delivery_function, settings.sweeper_function, logger)
handler = lambda_handler(app)
