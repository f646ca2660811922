"""Composition root of the auth function. It runs in the VPC and reaches DynamoDB and the workers, nothing else."""

from __future__ import annotations

from functions.auth import email_routes, import_routes, proxy_routes, public_routes, qr_routes, routes
from functions.auth.live_workers import LiveWorkers
from functions.auth.login import LogIn
from functions.auth.proxy_routes import Proxies
from functions.auth.public_notices import PublicNotices
from functions.auth.qr_login import QrLogIn
from functions.auth.status import Status
from functions.http.base_url import BaseUrl
from functions.http.http_function import HttpFunction
from functions.http.public_throttle import PublicThrottle
from shared.rpc.client import OwnerClient
from shared.settings import HttpSettings
from shared.store.accounts import AccountStore
from shared.store.notices import NoticeStore
from shared.store.qr_codes import QrCodeStore
from shared.store.workers import WorkerStore


class AuthSettings(HttpSettings):
    """What this function reads from the environment."""

    app_base_url: str = ""


settings = AuthSettings()
function = HttpFunction(settings)
clock = function.clock
accounts, workers = AccountStore(function.table), WorkerStore(function.table)
owner = OwnerClient(accounts, workers)
log_in, proxies = LogIn(owner, accounts, workers, clock), Proxies(owner)
handler = function.handler(
    [routes.router, email_routes.router, import_routes.router, proxy_routes.router, qr_routes.router, public_routes.router],
    log_in,
    proxies,
    Status(owner, LiveWorkers(workers, clock), clock),
    QrLogIn(owner, QrCodeStore(function.table), clock),
    BaseUrl(settings.app_base_url),
    PublicThrottle(function.table, clock),
    PublicNotices(NoticeStore(function.table), function.tokens, clock, function.logger),
)
