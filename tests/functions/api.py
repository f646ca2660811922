"""All HTTP functions as one app, composed from their parts, on the emulator's tables; and callers of every kind."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Sequence
from typing import Any

import httpx
from fastapi import APIRouter, FastAPI

from functions.auth import email_routes, import_routes, proxy_routes, public_routes, qr_routes
from functions.auth import routes as auth
from functions.auth.live_workers import LiveWorkers
from functions.auth.login import LogIn
from functions.auth.proxy_routes import Proxies
from functions.auth.public_notices import PublicNotices
from functions.auth.qr_login import QrLogIn
from functions.auth.status import Status
from functions.callback_delivery import callback_wake
from functions.callback_delivery.event_fetch import EventFetch, acknowledge, fetch
from functions.callbacks import dev_receiver as receiver
from functions.deliveries import event_routes as events
from functions.deliveries import routes as deliveries
from functions.deliveries.callback_test import CallbackTestClient
from functions.deliveries.callback_test_limit import CallbackTestLimit
from functions.deliveries.callback_wake import CallbackWakeClient
from functions.deliveries.event_fetch import EventFetchClient
from functions.deliveries.history import DeliveryHistory
from functions.http.act_service import ActService
from functions.http.app import create_app
from functions.http.authenticator import Authenticator
from functions.http.base_url import BaseUrl
from functions.http.callers import CALLER_KINDS, CredentialSources
from functions.http.dependencies import Dependencies
from functions.http.deployment_tokens import DeploymentTokens
from functions.http.key_use import KeyUse
from functions.http.pipeline import Pipeline
from functions.http.public_throttle import PublicThrottle
from functions.media import routes as media
from functions.media.fetching import Fetching
from functions.media.uploading import Uploading
from functions.messages import routers as messages
from functions.messages.account_commands import AccountCommands
from functions.messages.outbox_guard import OutboxGuard
from functions.messages.reading import AccountReading
from functions.providers import public_routes as whatsapp_public_routes
from functions.providers import token_routes, webhook_routes
from functions.providers.provider_events import ProviderEvents
from functions.providers.provider_token_service import ProviderTokenService
from functions.tenants import api_info_routes, callback_routes, credential_routes
from functions.tenants import routes as tenants
from functions.tenants.callback_service import CallbackService
from functions.tenants.credential_service import CredentialService
from functions.tenants.tenant_service import TenantService
from local.emulator_account import EmulatorAccount
from shared.crypto import Envelope
from shared.media_bucket import MediaBucket
from shared.model.account import Account, AccountState
from shared.model.ids import Channel, TenantId
from shared.model.tenant import Tenant, digest
from shared.model.worker import Worker
from shared.queues import EventsQueue
from shared.rpc.client import OwnerClient
from shared.settings import CallbackSettings
from shared.store import keys
from shared.store.accounts import AccountStore
from shared.store.backlog import BacklogStore
from shared.store.callback_states import CallbackStateStore
from shared.store.deliveries import DeliveryStore
from shared.store.delivery_log import DeliveryLog
from shared.store.dev_receiver import ReceiverStore
from shared.store.notices import NoticeStore
from shared.store.provider_sessions import ProviderSessionStore
from shared.store.provider_tokens import ProviderTokenStore
from shared.store.qr_codes import QrCodeStore
from shared.store.table import Table
from shared.store.tenants import TenantStore
from shared.store.tokens import TokenDigests, TokenStore
from shared.store.workers import WorkerStore
from tests.support.captured_log import CapturedLog
from tests.support.clock import FakeClock

ADMIN = {"X-Admin-Token": "the admin's token"}
PUBLIC_KEY = "the public key"
WA_WEB = {"X-Auth-Token": "the provider's deployment token"}
ORIGIN = "http://localhost:5173"
WHITELIST = "me, @Alice +79001234567 79991234567@c.us -1001234567890 1234567"
ROUTERS = [
    tenants.router,
    credential_routes.router,
    callback_routes.router,
    auth.router,
    email_routes.router,
    import_routes.router,
    proxy_routes.router,
    qr_routes.router,
    public_routes.router,
    media.router,
    *messages.ROUTERS,
    deliveries.router,
    events.router,
    webhook_routes.router,
    token_routes.router,
    whatsapp_public_routes.router,
    receiver.router,
    api_info_routes.router,
]


class RecordingFunction:
    """The delivery function and the sweeper as the deliveries function asks them; `answer` is what a test answers.

    It wakes and fetches by itself.
    """

    def __init__(self, waker: callback_wake.CallbackWaker, fetcher: EventFetch, tenants: TenantStore) -> None:
        self._waker = waker
        self._fetcher = fetcher
        self._tenants = tenants
        self.answer: Any = None
        self.fault: str | None = None
        self.asked: list[Any] = []

    def invoke(self, *, FunctionName: str, Payload: str, InvocationType: str = "") -> dict[str, Any]:  # noqa: N803  boto3's own names
        """Answer as Lambda does."""
        asked = json.loads(Payload)
        self.asked.append((FunctionName, asked))
        if InvocationType == "Event":
            return {}
        said = self._said(asked)
        answer: dict[str, Any] = {"Payload": io.BytesIO(json.dumps(said).encode())}
        return {**answer, "FunctionError": self.fault} if self.fault else answer

    def _said(self, asked: dict[str, Any]) -> Any:
        match asked:
            case {"wake": {"tenant_id": key}}:
                return {"woken": self._waker.wake(TenantId(key))}
            case {"fetch": {"tenant_id": key, "limit": limit}}:
                return fetch(self._fetcher, self._tenants, TenantId(key), limit)
            case {"acknowledge": {"tenant_id": key, "cursor": cursor}}:
                return acknowledge(self._fetcher, TenantId(key), cursor)
        return self.answer


class Api:
    """The API, its stores, and ways to call it."""

    def __init__(self, account: EmulatorAccount, public_key: str | None = PUBLIC_KEY) -> None:
        dynamodb = account.client("dynamodb")
        self.clock = FakeClock()
        self.log = CapturedLog()
        self.table = Table(dynamodb, account.table_name)
        self.tenants = TenantStore(self.table)
        self.accounts = AccountStore(self.table)
        self.workers = WorkerStore(self.table)
        tokens = TokenStore(self.table)
        digests = TokenDigests(
            admin=digest(ADMIN["X-Admin-Token"]), public=public_key and digest(public_key), wa_web=digest(WA_WEB["X-Auth-Token"])
        )
        tokens.put(digests)
        self.sources = CredentialSources(DeploymentTokens(tokens, self.clock), self.tenants, self.clock, KeyUse(self.tenants, self.clock))
        self.pipeline = Pipeline(Authenticator(CALLER_KINDS, self.sources), ActService(self.table, self.clock))
        kms, s3 = account.client("kms"), account.client("s3")
        self.bucket = MediaBucket(lambda: s3, account.media_bucket)
        self.envelope = Envelope(lambda: kms, account.kms_key_id)
        self.deliveries_table = Table(dynamodb, account.deliveries_table_name)
        self.deliveries = DeliveryStore(self.deliveries_table)
        self.callbacks = CallbackStateStore(self.deliveries_table)
        self.backlog = BacklogStore(self.deliveries_table, self.deliveries)
        self.sqs, self.queue_url = account.client("sqs"), account.events_queue_url
        self.asked = RecordingFunction(
            callback_wake.CallbackWaker(self.tenants, self.callbacks, self.backlog, self.clock, self.log.logger),
            EventFetch(self.backlog, DeliveryLog(self.deliveries_table), self.clock, self.log.logger),
            self.tenants,
        )
        queue = self.queue = EventsQueue(self.sqs, self.queue_url)
        self.delivery_log = DeliveryHistory(
            self.deliveries, DeliveryLog(self.deliveries_table), self.callbacks, queue, self.clock, self.log.logger
        )
        self.received = receiver.DevReceiver(ReceiverStore(self.deliveries_table), self.clock)
        self.dependencies = self._dependencies()
        self.app = self.composed(ROUTERS, self.dependencies)

    def _dependencies(self) -> Dependencies:
        owner = self.owner = OwnerClient(self.accounts, self.workers, deadline_s=60, connect_s=15)
        allowed = CallbackSettings(allow_http_callbacks=True, allow_private_callbacks=False)
        service = TenantService(self.table, self.tenants, self.workers, self.envelope, self.clock, allowed)
        return Dependencies(
            service,
            CallbackService(service),
            EventFetchClient(lambda: self.asked, "delivery", DeliveryLog(self.deliveries_table)),  # type: ignore[arg-type,return-value]
            CredentialService(self.tenants, self.envelope, self.clock),
            LogIn(owner, self.accounts, self.workers, self.clock),
            Proxies(owner),
            QrLogIn(owner, QrCodeStore(self.table), self.clock),
            BaseUrl(),
            PublicThrottle(self.table, self.clock),
            PublicNotices(NoticeStore(self.table), self.sources.tokens, self.clock, self.log.logger),
            Status(owner, LiveWorkers(self.workers, self.clock), self.clock, deadline_s=30),
            OutboxGuard.of(enabled=True, whitelist=WHITELIST),
            AccountCommands(owner, self.clock.now),
            ProviderEvents(self.deliveries, ProviderSessionStore(self.table), self.queue, self.clock),
            ProviderTokenService(self.tenants, ProviderTokenStore(self.table), self.envelope, self.clock),
            Fetching(owner, self.bucket),
            Uploading(self.bucket, self.clock),
            AccountReading(owner, now=self.clock.now),
            self.received,
            self.delivery_log,
            CallbackWakeClient(lambda: self.asked, "delivery", "sweeper", self.log.logger),  # type: ignore[arg-type,return-value]
            CallbackTestClient(lambda: self.asked, "delivery", CallbackTestLimit(self.deliveries_table, self.clock)),  # type: ignore[arg-type,return-value]  # its one method that is used
        )

    def composed(
        self, routers: Sequence[APIRouter], dependencies: Dependencies, pipeline: Pipeline | None = None, log: CapturedLog | None = None
    ) -> FastAPI:
        """Compose an app of these routers as the handlers do."""
        logger = (log or self.log).logger
        return create_app(routers, pipeline=pipeline or self.pipeline, dependencies=dependencies, origins=[ORIGIN], logger=logger)

    @property
    def routers(self) -> list[APIRouter]:
        """All routers."""
        return ROUTERS

    def another_container(self) -> Dependencies:
        """Return dependencies of another container, which remembers nothing of what this one did."""
        notices = PublicNotices(NoticeStore(self.table), self.sources.tokens, self.clock, self.log.logger)
        return self.dependencies.replacing(notices, PublicThrottle(self.table, self.clock))

    def serving(self, app: FastAPI) -> Api:
        """Return this API with another app."""
        other = copy.copy(self)
        other.app = app
        return other

    async def call(self, method: str, path: str, *, headers: dict[str, str] | None = None, **request: Any) -> httpx.Response:
        """Call as the administrator, or with other headers."""
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api.example") as client:
            return await client.request(method, path, headers=ADMIN if headers is None else headers, **request)

    async def new_tenant(self, **fields: Any) -> dict[str, Any]:
        """Create a tenant; return what the API said."""
        answer = await self.call("POST", "/tenants", json={"name": "Shop", **fields})
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        return created

    def put_account(
        self, tenant_id: str, state: AccountState, worker: Worker | None = None, channel: Channel = Channel.TELEGRAM, **fields: Any
    ) -> None:
        """Write an account's row as its owner leaves it."""
        row = {**keys.account(TenantId(tenant_id), channel), "state": state, "epoch": 1, **fields}
        self.table.put({**row, "owner": worker.id} if worker else row)

    def account(self, tenant_id: str) -> Account | None:
        """Return an account's row."""
        return self.accounts.get(TenantId(tenant_id), Channel.TELEGRAM)

    def tenant(self, tenant_id: str) -> Tenant | None:
        """Return a tenant as stored."""
        return self.tenants.get(TenantId(tenant_id))


def key(value: str) -> dict[str, str]:
    """Return the header of a tenant's key."""
    return {"Authorization": f"Bearer {value}"}
