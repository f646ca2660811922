"""Composition root of the auth function. It runs in the VPC and reaches DynamoDB and the workers, nothing else."""

from __future__ import annotations

from functions.auth import email_routes, import_routes, proxy_routes, routes
from functions.auth.live_workers import LiveWorkers
from functions.auth.login import LogIn
from functions.auth.proxy_routes import Proxies
from functions.auth.status import Status
from functions.http.http_function import HttpFunction
from shared.rpc.client import OwnerClient
from shared.settings import HttpSettings
from shared.store.accounts import AccountStore
from shared.store.workers import WorkerStore

function = HttpFunction(HttpSettings())
clock = function.clock
accounts, workers = AccountStore(function.table), WorkerStore(function.table)
owner = OwnerClient(accounts, workers)
log_in, proxies = LogIn(owner, accounts, workers, clock), Proxies(owner)
handler = function.handler(
    [routes.router, email_routes.router, import_routes.router, proxy_routes.router],
    log_in,
    proxies,
    Status(owner, LiveWorkers(workers, clock), clock),
)
