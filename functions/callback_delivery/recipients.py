"""The recipient of events: a tenant, with its signing secrets and callback headers in the clear.

A tenant's row is never cached: where to post, and with which secret, is decided by a read that began after the event was queued, and at
most CURRENT_S before the attempt. So a setting that the API has confirmed holds for everything that happens after its answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from threading import Lock
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from cachetools import LRUCache, TTLCache, cachedmethod

from shared.clock import Clock
from shared.crypto import DecryptionFailed, Envelope, KeysUnavailable, Purpose
from shared.model.callback_key import owner_of
from shared.model.ids import TenantId
from shared.model.tenant import SECRET_PREFIX, Cause, Sealed, Tenant
from shared.store.delivery_snapshot import as_seen
from shared.store.tenants import TenantStore

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

CURRENT_S = 1.0
"""If an attempt starts later than this after its tenant was read, the tenant is read again first."""
FRESH_S = 10.0
"""A changed CALLBACK_SIGNING_SECRET takes effect within this time."""
REMEMBERED = 500
_AGAIN = (
    "To start deliveries, set callback_url again or POST .../callback/retry. Events that came meanwhile are in the log and can be replayed."
)
REASONS = {
    Cause.GONE: f"The endpoint answered 410 Gone. {_AGAIN}",
    Cause.NO_SUCCESS: f"The endpoint accepted nothing for five days. {_AGAIN}",
}


@dataclass(frozen=True, repr=False)
class Recipient:
    """A tenant, the secrets that sign its events, and the headers that go with them. Never printed.

    `previous`: replaced secrets that are still valid, the oldest first. `read_s`: the boot time at which the read of the tenant began.
    """

    tenant: Tenant
    read_s: float
    secret: str | None
    previous: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


class DeploymentSigningSecret:
    """CALLBACK_SIGNING_SECRET, for tenants without a secret of their own."""

    def __init__(self, secrets: SecretsManagerClient, secret_id: str, clock: Clock) -> None:
        self._secrets = secrets
        self._secret_id = secret_id
        self._cache: TTLCache[Any, str | None] = TTLCache(1, FRESH_S, timer=clock.boottime)
        self._lock = Lock()

    @cachedmethod(attrgetter("_cache"), lock=attrgetter("_lock"))
    def get(self) -> str | None:
        """Return the secret, or None if it is not set; raises KeysUnavailable."""
        try:
            tokens = json.loads(self._secrets.get_secret_value(SecretId=self._secret_id)["SecretString"])
        except (ClientError, BotoCoreError) as error:
            raise KeysUnavailable(type(error).__name__) from error
        return tokens.get("CALLBACK_SIGNING_SECRET") or None


class Recipients:
    """Reads recipients, and disables their callbacks."""

    def __init__(self, tenants: TenantStore, envelope: Envelope, fallback: DeploymentSigningSecret, clock: Clock) -> None:
        self._tenants = tenants
        self._envelope = envelope
        self._fallback = fallback
        self._clock = clock
        self._cache: LRUCache[Any, str] = LRUCache(REMEMBERED)
        self._lock = Lock()

    def get(self, tenant_id: TenantId) -> Recipient | None:
        """Return the recipient by a callback's key as it is now, or None if the tenant or the callback does not exist.

        Raises StoreUnavailable, KeysUnavailable or DecryptionFailed.
        """
        read_s = self._clock.boottime()
        tenant = as_seen(self._tenants.get(owner_of(tenant_id)), tenant_id)
        return None if tenant is None else self.of(tenant, read_s)

    def current(self, recipient: Recipient) -> Recipient | None:
        """Return the recipient for an attempt that starts now. It is read again if `recipient` is too old; raises like `get`."""
        if self._clock.boottime() - recipient.read_s < CURRENT_S:
            return recipient
        return self.get(recipient.tenant.id)

    def of(self, tenant: Tenant, read_s: float) -> Recipient:
        """Return the recipient of a tenant whose read began at boot time `read_s`; raises KeysUnavailable or DecryptionFailed."""
        own = None
        if tenant.signing_key is not None and tenant.signing_secret is not None:
            own = Sealed(key=tenant.signing_key, sealed=tenant.signing_secret)
        owner = owner_of(tenant.id)
        previous = [self._secret(owner, replaced.secret) for replaced in tenant.valid_previous(self._clock.now())]
        headers = self._headers(owner, tenant.callback_headers) if tenant.callback_headers else {}
        return Recipient(tenant, read_s, self._secret(owner, own), tuple(secret for secret in previous if secret), headers)

    def disable(self, recipient: Recipient, cause: Cause) -> bool:
        """Disable a callback; False if it was set or woken since it was read, and so stays enabled. Raises StoreUnavailable."""
        return self._tenants.disable_callback(recipient.tenant, cause, REASONS[cause], self._clock.now())

    def _secret(self, tenant_id: TenantId, sealed: Sealed | None) -> str | None:
        """Return a signing secret. Headers were once sealed for the same purpose, so the form of a secret is checked."""
        if sealed is None:
            return self._fallback.get()
        opened = self._opened(tenant_id, sealed, Purpose.SIGNING)
        if not opened.startswith(SECRET_PREFIX):
            raise DecryptionFailed
        return opened

    def _headers(self, tenant_id: TenantId, sealed: Sealed) -> dict[str, str]:
        """Return the headers. Older ones were sealed for the purpose of secrets; they are told apart by their form, a JSON object."""
        try:
            opened = self._opened(tenant_id, sealed, Purpose.HEADERS)
        except DecryptionFailed:
            opened = self._opened(tenant_id, sealed, Purpose.SIGNING)
        try:
            headers = json.loads(opened)
        except ValueError:
            raise DecryptionFailed from None  # the cause would contain a secret
        if not isinstance(headers, dict):
            raise DecryptionFailed
        return headers

    @cachedmethod(attrgetter("_cache"), lock=attrgetter("_lock"))
    def _opened(self, tenant_id: TenantId, sealed: Sealed, purpose: Purpose) -> str:
        """Return what was sealed. A sealed value never changes, so its content is kept while there is room."""
        return self._envelope.unwrap(tenant_id, purpose, sealed.key).open(sealed.sealed).decode()
