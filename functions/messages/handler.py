"""Composition root of the messages function. It runs in the VPC and reaches DynamoDB and the workers, nothing else."""

from __future__ import annotations

from functions.http.adapter import lambda_handler
from functions.http.app import create_app
from functions.http.callers import Gate
from functions.http.tokens import CachedTokens
from functions.messages import routes
from functions.messages.send import Sending
from shared import aws
from shared.clock import SystemClock
from shared.observability import get_logger
from shared.rpc.client import OwnerClient
from shared.settings import HttpSettings
from shared.store.accounts import AccountStore
from shared.store.table import Table
from shared.store.tenants import TenantStore
from shared.store.tokens import TokenStore
from shared.store.workers import WorkerStore

settings = HttpSettings()
table = Table(aws.dynamodb(), settings.table_name)
gate = Gate(TenantStore(table), CachedTokens(TokenStore(table), SystemClock()))
app = create_app([routes.router], gate=gate, origins=settings.origins, logger=get_logger())
app.state.sending = Sending(OwnerClient(AccountStore(table), WorkerStore(table)))
handler = lambda_handler(app)
