"""Tenants and their keys."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import uuid
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Annotated

from pydantic import BeforeValidator, SecretStr

from shared.model.frozen import StoredModel
from shared.model.ids import TenantId


class Scope(StrEnum):
    """What a tenant's key may do."""

    READ = "read"
    SEND = "send"
    MANAGE = "manage"


class ChatType(StrEnum):
    """The kinds of chats that messages come from. A channel is a broadcast channel; supergroups are groups."""

    PRIVATE = "private"
    GROUP = "group"
    CHANNEL = "channel"


class Cause(StrEnum):
    """Why deliveries to a callback stopped by themselves."""

    GONE = "gone"
    """It answered 410."""
    NO_SUCCESS = "no_success"
    """It took nothing for five days."""


def _known(kind: type[StrEnum], values: Iterable[str]) -> frozenset[str]:
    """Return those of a row's values that this version knows: a later one's allow and bring nothing here."""
    return frozenset(values) & set(kind)


OVERLAP = timedelta(hours=24)
"""How long a replaced signing secret stays valid beside the new one (contract T2)."""


class Sealed(StoredModel):
    """Something secret: the data key that KMS wrapped, and what was sealed under it (`shared.crypto`)."""

    key: bytes
    sealed: bytes


class PreviousSecret(StoredModel):
    """A signing secret that was replaced and is valid until then; `secret` is None where it was the deployment's."""

    until: datetime
    secret: Sealed | None = None


class Tenant(StoredModel):
    """A customer of this deployment, as stored.

    `callback_since` is since when there has been a callback: what happened before is not delivered. `callback_disabled` says in words why
    deliveries to it stopped by themselves, `callback_disabled_cause` by a `Cause`, `callback_disabled_at` since when (rows of an earlier
    version have neither). Setting the callback or waking it ends that and raises `callback_revision`: what was answered to an attempt of
    an earlier revision does not disable the present one. `signing_key` is the data key that KMS wrapped, `signing_secret` the secret
    sealed under it (`shared.crypto`), `previous_secrets` those that it replaced, the oldest first.
    `callback_headers` are the headers that its callback gets with each event, sealed, since they carry credentials; their names are not.
    `key_count` is how many keys it has, None in rows of earlier versions.
    """

    id: TenantId
    number: int
    name: str
    created_at: datetime
    callback_url: str | None = None
    callback_since: datetime | None = None
    callback_disabled: str | None = None
    callback_disabled_cause: str | None = None
    callback_disabled_at: datetime | None = None
    callback_revision: int = 0
    callback_headers: Sealed | None = None
    callback_header_names: tuple[str, ...] = ()
    chat_types: Annotated[frozenset[ChatType], BeforeValidator(partial(_known, ChatType))] = frozenset({ChatType.PRIVATE, ChatType.GROUP})
    deleting: bool = False
    signing_key: bytes | None = None
    signing_secret: bytes | None = None
    previous_secrets: tuple[PreviousSecret, ...] = ()
    key_count: int | None = None

    @property
    def disabled_cause(self) -> Cause | None:
        """Why its callback is disabled; None where it is not, or there is none. A row of an earlier version says it in words alone."""
        if self.callback_url is None or self.callback_disabled is None:
            return None
        in_words = Cause.GONE if "410" in self.callback_disabled else Cause.NO_SUCCESS
        return next((cause for cause in Cause if cause == self.callback_disabled_cause), in_words)

    def valid_previous(self, now: datetime) -> tuple[PreviousSecret, ...]:
        """Return the replaced signing secrets that are still valid, the oldest first."""
        return tuple(previous for previous in self.previous_secrets if previous.until > now)

    def wants(self, chat_type: str) -> bool:
        """Tell whether messages from chats of this type go to its callback (contract C1)."""
        return chat_type in self.chat_types


class TenantKey(StoredModel):
    """One of a tenant's API keys, as stored: its digest, never the key. `name` is for people."""

    id: str
    name: str | None = None
    scopes: Annotated[frozenset[Scope], BeforeValidator(partial(_known, Scope))]
    digest: str
    created_at: datetime

    def opens(self, presented: str) -> bool:
        """Tell whether the presented key is this one, in constant time."""
        return hmac.compare_digest(self.digest, digest(presented))


_KEY = re.compile(r"avio_([0-9a-f]{32})([0-9a-f]{12})_[0-9A-Za-z_-]{43}")


Draw = Callable[[int], bytes]
"""Returns so many bytes that nobody can guess."""


def new_key(tenant_id: TenantId, draw: Draw = secrets.token_bytes) -> tuple[str, SecretStr]:
    """Make a key: its id and the key itself.

    The key names its tenant and its id, so that one read of the tenant's partition authenticates a request: `avio_<tenant><id>_<secret>`.
    """
    key_id, secret = draw(6).hex(), base64.urlsafe_b64encode(draw(32)).rstrip(b"=").decode()
    return key_id, SecretStr(f"avio_{uuid.UUID(tenant_id).hex}{key_id}_{secret}")


def parse_key(presented: str) -> tuple[TenantId, str] | None:
    """Return the tenant and the key id that a presented key names, or None where it is no key of ours."""
    found = _KEY.fullmatch(presented)
    return (TenantId(str(uuid.UUID(found[1]))), found[2]) if found else None


def digest(secret: str) -> str:
    """Return the SHA-256 of a secret of 256 random bits, in hex; a slow hash adds nothing to that."""
    return hashlib.sha256(secret.encode()).hexdigest()


SECRET_PREFIX = "whsec_"  # noqa: S105  how each begins


def new_signing_secret(draw: Draw = secrets.token_bytes) -> SecretStr:
    """Make a signing secret in the Standard Webhooks form: `whsec_` and the base64 of 32 bytes."""
    return SecretStr(SECRET_PREFIX + base64.b64encode(draw(32)).decode())
