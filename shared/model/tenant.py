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

from pydantic import BeforeValidator, Field, SecretStr

from shared.model.callback_key import FIRST, key_of
from shared.model.event_kinds import DEFAULT_KINDS, EventKind, is_chosen
from shared.model.frozen import StoredModel
from shared.model.ids import TenantId
from shared.model.rate_limit import DEFAULT, RateLimit


class Scope(StrEnum):
    """A permission of a tenant's key."""

    READ = "read"
    SEND = "send"
    MANAGE = "manage"


class ChatType(StrEnum):
    """A kind of chat. `channel` is a broadcast channel; supergroups are groups."""

    PRIVATE = "private"
    GROUP = "group"
    CHANNEL = "channel"


class Cause(StrEnum):
    """The reason for which the service disabled a callback."""

    GONE = "gone"
    """The callback answered 410."""
    NO_SUCCESS = "no_success"
    """The callback accepted no event for five days."""


def _known(kind: type[StrEnum], values: Iterable[str]) -> frozenset[str]:
    """Return the values of a row that this version knows. Values of a later version have no effect here."""
    return frozenset(values) & set(kind)


OVERLAP = timedelta(hours=24)
"""The time for which a replaced signing secret stays valid beside the new secret (contract T2)."""


class Sealed(StoredModel):
    """A secret as stored: the data key, wrapped by KMS, and the ciphertext under that key (`shared.crypto`)."""

    key: bytes
    sealed: bytes


class PreviousSecret(StoredModel):
    """A replaced signing secret, valid until `until`. `secret` is None if it was the deployment's secret."""

    until: datetime
    secret: Sealed | None = None


class DeliveryMode(StrEnum):
    """How a callback gets its events: they are posted to its URL, or wait until they are fetched."""

    PUSH = "push"
    PULL = "pull"


class BodyFormat(StrEnum):
    """How a callback's bodies look: one form for all kinds, or messages as MessageIn, which providers post."""

    EVENT = "event"
    MESSAGE_IN = "message_in"


def _known_format(value: str) -> BodyFormat:
    """Return the format of a row; one of a later version is the default here."""
    return next((known for known in BodyFormat if known == value), BodyFormat.EVENT)


MOST_CALLBACKS = 5
"""Callbacks of a tenant, the first included."""
MOST_CHATS = 100
"""Chats that a callback's filter may name."""

_ChatTypes = Annotated[frozenset[ChatType], BeforeValidator(partial(_known, ChatType))]
_Events = Annotated[frozenset[EventKind], BeforeValidator(partial(_known, EventKind))]
DEFAULT_CHAT_TYPES = frozenset({ChatType.PRIVATE, ChatType.GROUP})


class StoredCallback(StoredModel):
    """What a callback has, the first as well as any other.

    `callback_since`: the time from which there is a callback. Earlier events are not delivered.
    `callback_disabled`: why the service disabled the callback, in words. `callback_disabled_cause` is the same as a `Cause`,
    `callback_disabled_at` the time. Rows of an earlier version lack these two. Setting or waking the callback clears all three and raises
    `callback_revision`, so that the answer to an attempt of an earlier revision does not disable the callback again.
    `callback_headers`: the headers that the callback gets with each event. They are sealed, because they carry credentials; their names are
    not. `signing_key`: the data key, wrapped by KMS. `signing_secret`: the secret, sealed under that key (`shared.crypto`).
    `previous_secrets`: the replaced secrets, oldest first.
    """

    delivery: DeliveryMode = DeliveryMode.PUSH
    callback_url: str | None = None
    callback_since: datetime | None = None
    callback_disabled: str | None = None
    callback_disabled_cause: str | None = None
    callback_disabled_at: datetime | None = None
    callback_revision: int = 0
    callback_headers: Sealed | None = None
    callback_header_names: tuple[str, ...] = ()
    chat_types: _ChatTypes = DEFAULT_CHAT_TYPES
    events: _Events = DEFAULT_KINDS
    include_chats: frozenset[str] = frozenset()
    exclude_chats: frozenset[str] = frozenset()
    body_format: Annotated[BodyFormat, BeforeValidator(_known_format)] = BodyFormat.EVENT
    signing_key: bytes | None = None
    signing_secret: bytes | None = None
    previous_secrets: tuple[PreviousSecret, ...] = ()


class Callback(StoredCallback):
    """A callback beside a tenant's first one, as its tenant's row has it."""

    created_at: datetime


class Tenant(StoredCallback):
    """A customer of this deployment, as stored. The callback settings are those of its first callback, whose delivery is always push.

    `key_count`: the number of keys, None in rows of earlier versions. `callbacks`: the callbacks beside the first, by id.
    `fan_out`: each callback gets copies of the events; it stays so, or an event could overtake the copy of an earlier one.
    `rate_limit`: what the administrator set.
    """

    id: TenantId
    number: int
    name: str
    created_at: datetime
    callbacks: dict[str, Callback] = Field(default_factory=dict)
    fan_out: bool = False
    deleting: bool = False
    key_count: int | None = None
    rate_limit: RateLimit | None = None

    @property
    def disabled_cause(self) -> Cause | None:
        """The cause for which the callback is disabled, or None if it is not disabled, or there is no callback.

        Rows of an earlier version have the words alone, so the cause is read from the words.
        """
        if self.callback_url is None or self.callback_disabled is None:
            return None
        in_words = Cause.GONE if "410" in self.callback_disabled else Cause.NO_SUCCESS
        return next((cause for cause in Cause if cause == self.callback_disabled_cause), in_words)

    @property
    def allowed_rate(self) -> RateLimit:
        """The rate limit that holds: the administrator's, or the default."""
        return self.rate_limit or DEFAULT

    def valid_previous(self, now: datetime) -> tuple[PreviousSecret, ...]:
        """Return the replaced signing secrets that are still valid, oldest first."""
        return tuple(previous for previous in self.previous_secrets if previous.until > now)

    def wants(self, chat_type: str) -> bool:
        """Tell whether messages from chats of this type go to its callback (contract C1)."""
        return chat_type in self.chat_types

    def wants_chat(self, chat_id: str) -> bool:
        """Tell whether what happens in this chat goes to its callback."""
        return chat_id not in self.exclude_chats and (not self.include_chats or chat_id in self.include_chats)

    @property
    def all_events(self) -> frozenset[EventKind]:
        """The kinds of events that any of its callbacks wants."""
        return self.events.union(*(callback.events for callback in self.callbacks.values()))

    def seen_by(self, callback_id: str) -> Tenant | None:
        """Return the tenant as delivery to one of its callbacks sees it, None if it has no such callback.

        It has the callback's key for its id, and the callback's settings in the place of the first one's.
        """
        key = key_of(self.id, callback_id)
        if callback_id == FIRST:
            return self.model_copy(update={"id": key})
        if (callback := self.callbacks.get(callback_id)) is None:
            return None
        settings = {name: getattr(callback, name) for name in StoredCallback.model_fields}
        return self.model_copy(update={**settings, "id": key})

    @property
    def fetches(self) -> bool:
        """Whether the callback fetches its events, and nothing is posted to it."""
        return self.delivery is DeliveryMode.PULL

    def wants_kind(self, kind: str) -> bool:
        """Tell whether events of this kind go to its callback (contract C7)."""
        return is_chosen(kind, self.events)


class TenantKey(StoredModel):
    """One of a tenant's API keys, as stored: its digest, never the key. `name` is for people.

    `valid_until` is when it expires, None where it does not. `last_used_at` is right within a few minutes. A public key has no scopes: it
    opens the public routes alone, and may stand in an address.
    """

    id: str
    name: str | None = None
    scopes: Annotated[frozenset[Scope], BeforeValidator(partial(_known, Scope))]
    digest: str
    created_at: datetime
    valid_until: datetime | None = None
    last_used_at: datetime | None = None
    public: bool = False

    def expired(self, now: datetime) -> bool:
        """Tell whether it opens nothing any more."""
        return self.valid_until is not None and self.valid_until <= now

    def opens(self, presented: str) -> bool:
        """Compare a presented key with this key, in constant time."""
        return hmac.compare_digest(self.digest, digest(presented))


_KEY = re.compile(r"avio_([0-9a-f]{32})([0-9a-f]{12})_[0-9A-Za-z_-]{43}")


Draw = Callable[[int], bytes]
"""Returns that number of random bytes, from a cryptographic source."""


def new_key(tenant_id: TenantId, draw: Draw = secrets.token_bytes) -> tuple[str, SecretStr]:
    """Make a key. Return its id and the key.

    The form is `avio_<tenant><id>_<secret>`: with the tenant and the id in it, one read of the tenant's partition authenticates a request.
    """
    key_id, secret = draw(6).hex(), base64.urlsafe_b64encode(draw(32)).rstrip(b"=").decode()
    return key_id, SecretStr(f"avio_{uuid.UUID(tenant_id).hex}{key_id}_{secret}")


def parse_key(presented: str) -> tuple[TenantId, str] | None:
    """Return the tenant and the key id in a presented key, or None if it does not have the form of a key."""
    found = _KEY.fullmatch(presented)
    return (TenantId(str(uuid.UUID(found[1]))), found[2]) if found else None


def digest(secret: str) -> str:
    """Return the SHA-256 of a secret, in hex. The secret has 256 random bits, so a slow hash would add nothing."""
    return hashlib.sha256(secret.encode()).hexdigest()


SECRET_PREFIX = "whsec_"  # noqa: S105  a prefix, not a secret


def new_signing_secret(draw: Draw = secrets.token_bytes) -> SecretStr:
    """Make a signing secret in the Standard Webhooks form: `whsec_` and the base64 of 32 bytes."""
    return SecretStr(SECRET_PREFIX + base64.b64encode(draw(32)).decode())
