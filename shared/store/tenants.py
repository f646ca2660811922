"""Tenants, their keys, and the directory of their numbers."""

from __future__ import annotations

import contextlib
import secrets
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, SecretStr

from shared.model.account import Account
from shared.model.callback_key import FIRST, callback_of, owner_of
from shared.model.event_kinds import EventKind
from shared.model.ids import Channel, TenantId
from shared.model.tenant import MOST_CALLBACKS, Callback, Cause, Draw, Scope, Tenant, TenantKey, digest, new_key
from shared.store import keys
from shared.store.accounts import account_of, wanting_erasure
from shared.store.rows import of_row
from shared.store.table import ConditionFailed, Delete, Item, Put, StoreUnavailable, Table, Update, Write

_NEW = "attribute_not_exists(pk)"
_EXISTS = "attribute_exists(pk) AND deleting = :no"
NOT_DISABLED = dict.fromkeys(("callback_disabled", "callback_disabled_cause", "callback_disabled_at"))
"""The change that ends a callback's being disabled."""
_TRIES = 5
"""A transaction fails too where another write is at one of its items."""


_CONTENDED = "transact_write_items: others write the same items"
MOST_KEYS = 50
CREATION_KEPT = timedelta(hours=24)
MAX_GIVEN_NUMBER = 99_999
"""The largest number that a tenant can be given by hand: a list of tenants asks for each thousand of numbers up to the largest."""


Rows = Mapping[str, Item]
"""Rows of one tenant, by sort key."""


class TooManyCallbacks(Exception):
    """A tenant has MOST_CALLBACKS callbacks already."""


class TooManyKeys(Exception):
    """A tenant has MOST_KEYS keys already."""


@dataclass(frozen=True)
class Creation:
    """What remembers a creation for 24 hours, so that it can be repeated (`functions.tenants.derived_credentials`).

    `salt` is what the tenant's credentials are derived with, `fingerprint` is of the request. Once it is stored it also says which tenant
    came of it, and how its signing secret was sealed. Of a tenant that is erased, salt and secret are gone.
    """

    idempotency_key: str
    salt: bytes
    fingerprint: str
    tenant_id: TenantId | None = None
    signing_secret: bytes | None = None


class AlreadyCreated(Exception):
    """The idempotency key of a creation has made a tenant within the last 24 hours."""


@dataclass(frozen=True)
class EndedTenant:
    """A tenant of which something may be left to erase. `listed_as` is where it stands among them: when it is to be looked at."""

    tenant_id: TenantId
    ended_at: datetime
    listed_as: str


class TenantStore:
    """Reads and writes tenants."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def create(
        self,
        name: str,
        callback_url: str | None,
        now: datetime,
        signing: tuple[bytes, bytes] | None,
        tenant_id: TenantId,
        others: Mapping[str, Any] | None = None,
        creation: Creation | None = None,
        draw: Draw = secrets.token_bytes,
    ) -> tuple[Tenant, SecretStr]:
        """Store a new tenant under the next free number, with a first key that may do everything; return both.

        The tenant, its directory row, its key and what remembers its creation come into being together or not at all. Two at once get
        different numbers. `signing` is (wrapped data key, sealed secret), `others` are further fields of the tenant, `draw` gives the bytes
        of its key. Each run makes a tenant; with `creation` it raises AlreadyCreated where its idempotency key has made one before.
        """
        key_id, key = new_key(tenant_id, draw)
        first = TenantKey(id=key_id, scopes=frozenset(Scope), digest=digest(key.get_secret_value()), created_at=now)
        while True:
            tenant = Tenant(
                id=tenant_id,
                number=self._next_number(),
                name=name,
                created_at=now,
                callback_url=callback_url,
                callback_since=now if callback_url else None,
                signing_key=signing[0] if signing else None,
                signing_secret=signing[1] if signing else None,
                key_count=1,
                **(others or {}),
            )
            rows = [_tenant_row(tenant), {**keys.directory(tenant.number), "tenant_id": tenant_id}, _key_row(tenant_id, first)]
            remembered = [_remembered(creation, tenant), Put(keys.creation_note(tenant_id, creation.idempotency_key))] if creation else []
            try:
                self._table.transact([*(Put(row, _NEW) for row in rows), *remembered])
            except ConditionFailed:
                if creation and self.creation(creation.idempotency_key, now):
                    raise AlreadyCreated from None
                continue  # the number had been given by hand: take the next
            return tenant, key

    def create_numbered(self, number: int, name: str, now: datetime) -> None:
        """Store a tenant under a given number, up to MAX_GIVEN_NUMBER, without a key and a signing secret of its own.

        Where the number is taken nothing is stored. Safe to run twice, and at once: one of them creates the tenant.
        """
        tenant = Tenant(id=new_tenant_id(), number=number, name=name, created_at=now, key_count=0)
        with contextlib.suppress(ConditionFailed):  # so that the list of tenants looks as far as that
            values = {":number": number}
            self._table.update(keys.tenant_counter(), "SET given = :number", values, "attribute_not_exists(given) OR given < :number")
        with contextlib.suppress(ConditionFailed):
            self._table.transact([Put({**keys.directory(number), "tenant_id": tenant.id}, _NEW), Put(_tenant_row(tenant), _NEW)])

    def creation(self, idempotency_key: str, now: datetime) -> Creation | None:
        """Return what a tenant was made from under an idempotency key in the last 24 hours, or None."""
        row = self._table.get(keys.created(idempotency_key))
        if row is None or row["expires_at"] <= now.timestamp():
            return None
        return Creation(idempotency_key, row.get("salt", b""), row["fingerprint"], TenantId(row["tenant_id"]), row.get("signing_secret"))

    def get(self, tenant_id: TenantId) -> Tenant | None:
        """Return a tenant that is not being deleted, or None."""
        return present(self._table.get(keys.tenant(tenant_id)))

    def chosen_events(self, tenant_id: TenantId) -> frozenset[EventKind] | None:
        """Return the kinds of events that a tenant has chosen, None where it is gone; raises Malformed."""
        tenant = of_row(present)(self._table.get(keys.tenant(tenant_id)) or {})
        return tenant.all_events if tenant else None

    def with_account(
        self, tenant_id: TenantId, channel: Channel, key_id: str | None, beside: Sequence[keys.Key] = ()
    ) -> tuple[Tenant | None, TenantKey | None, Account | None, Rows]:
        """Return a tenant, one of its keys, one of its accounts and the rows `beside` them in one request: all that a route needs to let a
        caller in. Of the rows those that exist are there, by their sort key.
        """
        wanted = [keys.tenant(tenant_id), keys.account(tenant_id, channel), *beside]
        if key_id:
            wanted.append(keys.tenant_key(tenant_id, key_id))
        found = self._table.get_many(wanted)

        def item(key: keys.Key) -> Item | None:
            return found.get((key["pk"], key["sk"]))

        key_row = item(keys.tenant_key(tenant_id, key_id)) if key_id else None
        account_row = item(keys.account(tenant_id, channel))
        return (
            present(item(keys.tenant(tenant_id))),
            TenantKey.model_validate(_fields(key_row)) if key_row else None,
            account_of(account_row) if account_row else None,
            {key["sk"]: row for key in beside if (row := item(key))},
        )

    def id_of(self, number: int) -> TenantId | None:
        """Return the id of the tenant with this number, or None."""
        row = self._table.get(keys.directory(number))
        return TenantId(row["tenant_id"]) if row else None

    def page(self, after: int, limit: int) -> tuple[list[Tenant], int | None]:
        """Return up to `limit` (at most 100) tenants in the order of their numbers, beginning behind `after`.

        Second: the number after which more follow, None at the end. A page may be shorter than `limit`: tenants being deleted are left out.
        """
        rows: list[Item] = []
        for shard in range(after // keys.TENANTS_PER_SHARD, self._last_number() // keys.TENANTS_PER_SHARD + 1):
            rows += self._rows_in(shard, after, limit + 1 - len(rows))
            if len(rows) > limit:
                break
        shown, more = rows[:limit], len(rows) > limit
        if not shown:
            return [], None
        found = self._table.get_many(keys.tenant(TenantId(row["tenant_id"])) for row in shown)
        tenants = [tenant for tenant in map(present, found.values()) if tenant]
        return sorted(tenants, key=lambda tenant: tenant.number), int(shown[-1]["sk"]) if more else None

    def change(self, tenant_id: TenantId, changes: dict[str, Any]) -> Tenant | None:
        """Set (or with None: remove) some of a tenant's fields; return it as it is now, or None where it is gone. Safe to run twice.

        Any `callback_url` is another revision of the callback, and enables it; none takes its `callback_since` away. A `callback_since`
        that is there stays: of two who set the callback at once the first one's time holds.
        """
        if "callback_url" in changes:
            changes = {**changes, **NOT_DISABLED, **({} if changes["callback_url"] else {"callback_since": None})}
        names = {f"#{name}": name for name in changes}
        values = {f":{name}": _wire(value) for name, value in changes.items() if value is not None}
        sets = ", ".join(f"#{name} = {_set(name)}" for name, value in changes.items() if value is not None)
        removes = ", ".join(f"#{name}" for name, value in changes.items() if value is None)
        update = " ".join(part for part in (sets and f"SET {sets}", removes and f"REMOVE {removes}") if part)
        if "callback_url" in changes:
            update, values = f"{update} {_NEXT_REVISION}", {**values, ":one": 1}
        try:
            return present(self._table.update(keys.tenant(tenant_id), update, {**values, ":no": False}, _EXISTS, names))
        except ConditionFailed:
            return None

    def replace_secret(self, seen: Tenant, now: Tenant) -> bool:
        """Put another signing secret, and others before it, in the place of those that were seen; False where another did so meanwhile."""
        at = _Fields(seen.id)
        changes = {name: _wire(getattr(now, name)) for name in ("signing_key", "signing_secret", "previous_secrets")}
        update = at.set_({name: f":{name}" for name in changes})
        same = f"{at('signing_secret')} = :seen" if seen.signing_secret else f"attribute_not_exists({at('signing_secret')})"
        values = {**{f":{name}": value for name, value in changes.items()}, ":no": False}
        try:
            self._table.update(
                keys.tenant(owner_of(seen.id)),
                update,
                {**values, ":seen": seen.signing_secret} if seen.signing_secret else values,
                f"{_EXISTS} AND {same}",
                at.names,
            )
        except ConditionFailed:
            return False
        return True

    def add_key(
        self,
        tenant_id: TenantId,
        scopes: frozenset[Scope],
        name: str | None,
        now: datetime,
        valid_until: datetime | None = None,
        *,
        public: bool = False,
    ) -> tuple[TenantKey, SecretStr] | None:
        """Give a tenant one more key; return it with the key itself, or None where the tenant is gone. Each run makes a key.

        Raises TooManyKeys. Keys are counted on the tenant's row in the same transaction, so that many at once do not pass the bound.
        """
        key_id, key = new_key(tenant_id)
        hidden = digest(key.get_secret_value())
        made = TenantKey(id=key_id, name=name, scopes=scopes, digest=hidden, created_at=now, valid_until=valid_until, public=public)
        values = {":one": 1, ":most": MOST_KEYS, ":no": False}
        count = Update(keys.tenant(tenant_id), "ADD key_count :one", values, f"{_EXISTS} AND key_count < :most")
        for _ in range(_TRIES):
            try:
                self._table.transact([count, Put(_key_row(tenant_id, made))])
            except ConditionFailed:
                counted = self._counted(tenant_id)
                if counted is None:
                    return None
                if counted >= MOST_KEYS:
                    raise TooManyKeys from None
            else:
                return made, key
        raise StoreUnavailable(_CONTENDED)

    def note_use(self, tenant_id: TenantId, key_id: str, now: datetime) -> None:
        """Note that a key was used; a key that is gone stays gone. Safe to run twice."""
        with contextlib.suppress(ConditionFailed):
            self._table.update(
                keys.tenant_key(tenant_id, key_id), "SET last_used_at = :now", {":now": now.isoformat()}, "attribute_exists(pk)"
            )

    def keys_of(self, tenant_id: TenantId) -> list[TenantKey]:
        """Return a tenant's keys, the oldest first."""
        prefix = keys.tenant_key(tenant_id, "")
        values = {":pk": prefix["pk"], ":prefix": prefix["sk"]}
        rows = self._table.query("pk = :pk AND begins_with(sk, :prefix)", values, ConsistentRead=True)
        return sorted((TenantKey.model_validate(_fields(row)) for row in rows), key=lambda key: key.created_at)

    def remove_key(self, tenant_id: TenantId, key_id: str) -> bool:
        """Take a key away for good; False where there is none. It opens nothing from now on."""
        key = keys.tenant_key(tenant_id, key_id)
        count = Update(keys.tenant(tenant_id), "ADD key_count :less", {":less": -1}, "attribute_exists(key_count)")
        for _ in range(_TRIES):
            try:
                self._table.transact([count, Delete(key, "attribute_exists(pk)")])
            except ConditionFailed:
                if self._table.get(key) is None or self._counted(tenant_id) is None:
                    return False
            else:
                return True
        raise StoreUnavailable(_CONTENDED)

    def _counted(self, tenant_id: TenantId) -> int | None:
        """Return how many keys a tenant has, None where it is gone. Rows of earlier versions do not say: their keys are counted once."""
        row = self._table.get(keys.tenant(tenant_id))
        if row is None or row["deleting"]:
            return None
        if "key_count" not in row:
            values = {":count": len(self.keys_of(tenant_id)), ":no": False}
            with contextlib.suppress(ConditionFailed):  # another has counted, or the tenant has gone: the next try shows it
                condition = f"{_EXISTS} AND attribute_not_exists(key_count)"
                self._table.update(keys.tenant(tenant_id), "SET key_count = :count", values, condition)
        return int(row.get("key_count", 0))

    def disable_callback(self, seen: Tenant, cause: Cause, reason: str, now: datetime) -> bool:
        """Stop deliveries to a callback for a reason that the tenant can read; False where it was set or woken since it was `seen`."""
        at = _Fields(seen.id)
        values = {
            ":reason": reason,
            ":cause": cause,
            ":now": now.isoformat(),
            ":url": seen.callback_url or "",
            ":seen": seen.callback_revision,
        }
        set_ = at.set_({"callback_disabled": ":reason", "callback_disabled_cause": ":cause", "callback_disabled_at": ":now"})
        revision = at("callback_revision")
        never = f"attribute_not_exists({revision}) OR " if seen.callback_revision == 0 else ""
        condition = f"{at('callback_url')} = :url AND ({never}{revision} = :seen)"
        try:
            self._table.update(keys.tenant(owner_of(seen.id)), set_, values, condition, at.names)
        except ConditionFailed:
            return False
        return True

    def enable_callback(self, key: TenantId) -> bool:
        """Start deliveries to a disabled callback again, by its key; False where it is not disabled."""
        at = _Fields(key)
        update = f"REMOVE {', '.join(map(at, NOT_DISABLED))} {at.next_revision}"
        condition = f"{_EXISTS} AND attribute_exists({at('callback_url')}) AND attribute_exists({at('callback_disabled')})"
        try:
            self._table.update(keys.tenant(owner_of(key)), update, {":one": 1, ":no": False, **at.values}, condition, at.names)
        except ConditionFailed:
            return False
        return True

    # callbacks beside the first

    def add_callback(self, tenant_id: TenantId, callback_id: str, callback: Callback) -> Tenant | None:
        """Give a tenant one more callback; return the tenant, or None where it is gone. Raises TooManyCallbacks. Safe to run twice."""
        values = {":no": False, ":callback": _wire(callback), ":yes": True, ":most": MOST_CALLBACKS - 1}
        names = {"#id": callback_id}
        with contextlib.suppress(ConditionFailed):  # rows of earlier versions have no map for them
            condition = f"{_EXISTS} AND attribute_not_exists(callbacks)"
            self._table.update(keys.tenant(tenant_id), "SET callbacks = :none", {":none": {}, ":no": False}, condition)
        condition = f"{_EXISTS} AND (size(callbacks) < :most OR attribute_exists(callbacks.#id))"
        try:
            return present(
                self._table.update(keys.tenant(tenant_id), "SET callbacks.#id = :callback, fan_out = :yes", values, condition, names)
            )
        except ConditionFailed:
            if self.get(tenant_id) is None:
                return None
            raise TooManyCallbacks from None

    def change_callback(self, key: TenantId, changes: dict[str, Any]) -> Tenant | None:
        """Set (or with None: remove) some fields of a callback beside the first; return the tenant, or None where either is gone.

        Any `callback_url` is another revision of the callback, and enables it. Safe to run twice.
        """
        at = _Fields(key)
        if "callback_url" in changes:
            changes = {**changes, **NOT_DISABLED}
        wired = {name: _wire(value) for name, value in changes.items()}
        values = {f":{name}": value for name, value in wired.items() if value is not None}
        sets = [f"{at(name)} = :{name}" for name, value in wired.items() if value is not None]
        if "callback_url" in changes:
            sets.append(at.next_revision.removeprefix("SET "))
            values |= {":one": 1, **at.values}
        removes = [at(name) for name, value in wired.items() if value is None]
        update = " ".join(part for part in (sets and "SET " + ", ".join(sets), removes and "REMOVE " + ", ".join(removes)) if part)
        try:
            condition = f"{_EXISTS} AND attribute_exists(callbacks.#id)"
            return present(self._table.update(keys.tenant(owner_of(key)), update, {**values, ":no": False}, condition, at.names))
        except ConditionFailed:
            return None

    def remove_callback(self, key: TenantId, now: datetime) -> bool:
        """Take a callback beside the first away; False where there is none. Nothing is copied or posted to it from now on.

        What delivery keeps for it is erased like what an ended tenant leaves behind: both are listed in the same way.
        """
        condition = f"{_EXISTS} AND attribute_exists(callbacks.#id)"
        gone = Update(keys.tenant(owner_of(key)), "REMOVE callbacks.#id", {":no": False}, condition, {"#id": callback_of(key)})
        try:
            self._table.transact([gone, Put({**keys.ended(now, key), "ended_at": now.isoformat()})])
        except ConditionFailed:
            return False
        return True

    def end(self, tenant_id: TenantId, channels: Iterable[Channel], now: datetime) -> bool:
        """End a tenant for good; False where it does not exist. Its data is erased by whoever can (`shared.store.erasure`).

        One transaction: its doors are shut, its account of each channel is to be erased, and it is among the ended tenants, which are
        looked at until nothing of them is left. Whoever creates an account checks the tenant in one transaction too: it comes before this,
        and the account is to be erased, or not at all. Safe to run twice: the second run writes nothing.
        """
        shut = Update(keys.tenant(tenant_id), "SET deleting = :yes", {":yes": True, ":no": False}, _EXISTS)
        writes: list[Write] = [
            shut,
            *(wanting_erasure(keys.account(tenant_id, channel), now) for channel in channels),
            Put({**keys.ended(now, tenant_id), "ended_at": now.isoformat()}),
        ]
        for _ in range(_TRIES):
            try:
                self._table.transact(writes)
            except ConditionFailed:
                row = self._table.get(keys.tenant(tenant_id))
                if row is None or row["deleting"]:
                    return row is not None
            else:
                return True
        raise StoreUnavailable(_CONTENDED)

    def ended(self, now: datetime) -> Iterator[EndedTenant]:
        """Yield the ended tenants that are to be looked at by now, the longest due first."""
        values = {":pk": keys.ENDED, ":now": f"{keys.moment(now)}#~"}
        for row in self._table.query("pk = :pk AND sk <= :now", values, ConsistentRead=True):
            yield EndedTenant(TenantId(row["sk"].partition("#")[2]), datetime.fromisoformat(row["ended_at"]), row["sk"])

    def every_ended(self) -> frozenset[TenantId]:
        """Return all ended tenants that are not forgotten yet, due or not.

        Nobody is passed over who is looked at later meanwhile: an entry moves to the end of the list only.
        """
        rows = self._table.query("pk = :pk", {":pk": keys.ENDED}, ConsistentRead=True)
        return frozenset(TenantId(row["sk"].partition("#")[2]) for row in rows)

    def look_later(self, ended: EndedTenant, look_at: datetime) -> None:
        """Have an ended tenant looked at again. Safe to run twice."""
        row = {**keys.ended(look_at, ended.tenant_id), "ended_at": ended.ended_at.isoformat()}
        self._table.transact([Put(row), Delete({"pk": keys.ENDED, "sk": ended.listed_as})])

    def forget(self, ended: EndedTenant) -> None:
        """Look at an ended tenant no more: nothing of it is left."""
        self._table.delete({"pk": keys.ENDED, "sk": ended.listed_as})

    def _rows_in(self, shard: int, after: int, limit: int) -> Iterator[Item]:
        values = {":pk": keys.directory_shard(shard), ":after": f"{after:010d}"}
        return self._table.query("pk = :pk AND sk > :after", values, Limit=limit, ConsistentRead=True)

    def _next_number(self) -> int:
        return int(self._table.update(keys.tenant_counter(), "ADD #last :one", {":one": 1}, names={"#last": "last"})["last"])

    def _last_number(self) -> int:
        row = self._table.get(keys.tenant_counter())
        return max(int(row.get("last", 0)), int(row.get("given", 0))) if row else 0


_NEXT_REVISION = "ADD callback_revision :one"


class _Fields:
    """Where a callback's fields are on its tenant's row: the first one's are the row's own."""

    def __init__(self, key: TenantId) -> None:
        callback_id = callback_of(key)
        self._path = "" if callback_id == FIRST else "callbacks.#id."
        self.names: dict[str, str] | None = {"#id": callback_id} if self._path else None
        self.values: dict[str, Any] = {":zero": 0} if self._path else {}

    def __call__(self, name: str) -> str:
        """Return a field's path."""
        return f"{self._path}{name}"

    def set_(self, fields: Mapping[str, str]) -> str:
        """Return the expression that sets fields."""
        return "SET " + ", ".join(f"{self(name)} = {value}" for name, value in fields.items())

    @property
    def next_revision(self) -> str:
        """Return the expression that raises the revision, with the values `:one` and `values`: ADD takes attributes of the row alone."""
        path = self("callback_revision")
        return f"SET {path} = if_not_exists({path}, :zero) + :one" if self._path else _NEXT_REVISION


def _set(name: str) -> str:
    return "if_not_exists(#callback_since, :callback_since)" if name == "callback_since" else f":{name}"


def new_tenant_id() -> TenantId:
    """Make a tenant's id."""
    return TenantId(str(uuid.uuid4()))


def _wire(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat()
        case BaseModel():
            return {name: wired for name, inner in value if (wired := _wire(inner)) is not None}
        case tuple():
            return [_wire(inner) for inner in value]
        case frozenset():
            return frozenset(str(inner) for inner in value) or None
        case dict():
            return {name: _wire(inner) for name, inner in value.items()}
        case _:
            return value


def _fields(row: Item) -> Item:
    return {name: value for name, value in row.items() if name not in {"pk", "sk", "expires_at"}}


def present(row: Item | None) -> Tenant | None:
    """Return the tenant in an item, unless it is being deleted."""
    tenant = Tenant.model_validate(_fields(row)) if row else None
    return None if tenant is None or tenant.deleting else tenant


def _tenant_row(tenant: Tenant) -> Item:
    return {**keys.tenant(tenant.id), **{name: _wire(value) for name, value in tenant}}


def _key_row(tenant_id: TenantId, key: TenantKey) -> Item:
    scopes = {str(scope) for scope in key.scopes} or {"public"}  # no scope: DynamoDB stores no empty sets
    return {
        **keys.tenant_key(tenant_id, key.id),
        "id": key.id,
        "name": key.name,
        "scopes": scopes,
        "digest": key.digest,
        "created_at": key.created_at.isoformat(),
        "valid_until": key.valid_until.isoformat() if key.valid_until else None,
        "public": key.public or None,
    }


def _remembered(creation: Creation, tenant: Tenant) -> Put:
    row = {
        **keys.created(creation.idempotency_key),
        "salt": creation.salt,
        "fingerprint": creation.fingerprint,
        "tenant_id": tenant.id,
        "signing_secret": tenant.signing_secret,
        "expires_at": int((tenant.created_at + CREATION_KEPT).timestamp()),
    }
    return Put(row, f"{_NEW} OR expires_at <= :now", {":now": int(tenant.created_at.timestamp())})
