"""Composition root of the tenants function."""

from __future__ import annotations

from functions.http.http_function import HttpFunction
from functions.tenants import about_routes, callback_routes, credential_routes, routes
from functions.tenants.callback_service import CallbackService
from functions.tenants.credential_service import CredentialService
from functions.tenants.tenant_service import TenantService
from shared import aws
from shared.crypto import Envelope
from shared.settings import CallbackSettings, HttpSettings
from shared.store.workers import WorkerStore


class TenantsSettings(HttpSettings, CallbackSettings):
    """What this function reads from the environment."""

    kms_key_id: str


settings = TenantsSettings()
function = HttpFunction(settings)
table, tenants, clock = function.table, function.tenants, function.clock
envelope = Envelope(aws.kms, settings.kms_key_id)
service = TenantService(table, tenants, WorkerStore(table), envelope, clock, settings)
handler = function.handler(
    [routes.router, credential_routes.router, callback_routes.router, about_routes.router],
    service,
    CallbackService(service),
    CredentialService(tenants, envelope, clock),
)
