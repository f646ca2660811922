"""Composition root of the messages function. It runs in the VPC and reaches DynamoDB and the workers, nothing else."""

from __future__ import annotations

from functions.http.http_function import HttpFunction
from functions.messages.account_commands import AccountCommands
from functions.messages.attachments import MAX_BODY_BYTES
from functions.messages.outbox_guard import OutboxGuard
from functions.messages.reading import AccountReading
from functions.messages.routers import ROUTERS
from shared.rpc.client import OwnerClient
from shared.settings import HttpSettings, OutboxSettings
from shared.store.accounts import AccountStore
from shared.store.workers import WorkerStore


class MessagesSettings(HttpSettings, OutboxSettings):
    """What the function reads from the environment."""

    app_base_url: str = ""


settings = MessagesSettings()
function = HttpFunction(settings)
owner = OwnerClient(AccountStore(function.table), WorkerStore(function.table))
reading = AccountReading(owner, settings.app_base_url)
guard = OutboxGuard.of(enabled=settings.outbox_enabled, whitelist=settings.outbox_whitelist)
handler = function.handler(ROUTERS, AccountCommands(owner), reading, guard, max_body_bytes=MAX_BODY_BYTES)
