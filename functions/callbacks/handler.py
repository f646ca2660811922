"""Composition root of the callbacks function."""

from __future__ import annotations

from functions.callbacks import receiver
from functions.http.app import create_app
from functions.http.callers import Gate
from functions.http.deployment_tokens import DeploymentTokens
from functions.http.lambda_adapter import lambda_handler
from shared import aws
from shared.clock import SystemClock
from shared.observability import get_logger
from shared.settings import HttpSettings
from shared.store.receiver import ReceiverStore
from shared.store.table import Table
from shared.store.tenants import TenantStore
from shared.store.tokens import TokenStore


class Settings(HttpSettings):
    """What this function reads from the environment."""

    deliveries_table_name: str
    dev_callback_receiver: bool = False


settings = Settings()
clock = SystemClock()
client = aws.dynamodb()
table = Table(client, settings.table_name)
gate = Gate(TenantStore(table), DeploymentTokens(TokenStore(table), clock))
routers = [receiver.router] if settings.dev_callback_receiver else []
app = create_app(routers, gate=gate, origins=settings.origins, logger=get_logger())
app.state.receiver = receiver.Receiver(ReceiverStore(Table(client, settings.deliveries_table_name)), clock)
handler = lambda_handler(app)
