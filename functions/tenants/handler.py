"""Composition root of the tenants function."""

from __future__ import annotations

from functions.http.app import create_app
from functions.http.callers import Gate
from functions.http.deployment_tokens import DeploymentTokens
from functions.http.lambda_adapter import lambda_handler
from functions.tenants import api_info_routes, credential_routes, routes
from functions.tenants.credential_service import CredentialService
from functions.tenants.tenant_service import TenantService
from shared import aws
from shared.clock import SystemClock
from shared.crypto import Envelope
from shared.observability import get_logger
from shared.settings import CallbackSettings, HttpSettings
from shared.store.accounts import AccountStore
from shared.store.table import Table
from shared.store.tenants import TenantStore
from shared.store.tokens import TokenStore
from shared.store.workers import WorkerStore


class Settings(HttpSettings, CallbackSettings):
    """What this function reads from the environment."""

    kms_key_id: str


settings = Settings()
clock = SystemClock()
table = Table(aws.dynamodb(), settings.table_name)
tenants = TenantStore(table)
gate = Gate(tenants, DeploymentTokens(TokenStore(table), clock))
envelope = Envelope(aws.kms, settings.kms_key_id)
app = create_app(
    [routes.router, credential_routes.router, api_info_routes.router], gate=gate, origins=settings.origins, logger=get_logger()
)
app.state.directory = TenantService(table, tenants, AccountStore(table), WorkerStore(table), envelope, clock, settings)
app.state.credentials = CredentialService(tenants, envelope, clock)
handler = lambda_handler(app)
