"""Composition root of the auth function. It runs in the VPC and reaches DynamoDB and the workers, nothing else."""

from __future__ import annotations

from functions.auth import routes
from functions.auth.login import LogIn
from functions.auth.status import Status
from functions.auth.workers import LiveWorkers
from functions.http.adapter import lambda_handler
from functions.http.app import create_app
from functions.http.callers import Gate
from functions.http.tokens import CachedTokens
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
clock = SystemClock()
table = Table(aws.dynamodb(), settings.table_name)
accounts = AccountStore(table)
workers = WorkerStore(table)
gate = Gate(TenantStore(table), CachedTokens(TokenStore(table), clock))
app = create_app([routes.router], gate=gate, origins=settings.origins, logger=get_logger())
owner = OwnerClient(accounts, workers)
app.state.login = LogIn(owner, accounts, workers, clock)
app.state.status = Status(owner, LiveWorkers(workers, clock), clock)
handler = lambda_handler(app)
