"""The keys of all items. No other module builds a key.

table avio                        pk                        sk
  tenant                          T#<tenant id>             TENANT
  its API keys                    T#<tenant id>             KEY#<key id>
  an account (owner, status)      T#<tenant id>             ACCOUNT#<channel>
  its session, encrypted          T#<tenant id>             SESSION#<channel>
  its update state                T#<tenant id>             MARKS#<channel>
  what counts for its rate limit  T#<tenant id>             RATE
  a request with Idempotency-Key  T#<tenant id>             ONCE#<digest of route and key>
  a peer it has met               T#<tenant id>             PEER#<channel>#<peer id>
  a peer that it has listed       T#<tenant id>             LISTED#<channel>#<peer id>
  its proxy, sealed               T#<tenant id>             PROXY#<channel>
  the QR code of its log-in       T#<tenant id>             QR#<channel>
  its provider token, sealed      T#<tenant id>             PROVIDER
  its session at a provider       T#<tenant id>             PROVIDERSESSION#<channel>
  a QR code of that session       T#<tenant id>             PROVIDERQR#<channel>#<qr id>
  a note of a key it has claimed  T#<tenant id>             KEYCLAIM#<channel>#<fingerprint>
  a claim of a key from elsewhere KEYCLAIM#<fingerprint>    CLAIM
  the directory of tenants        TENANTS#<number // 1000>  <number, ten digits>
  the last tenant number given    COUNTER                   TENANTS
  a worker                        WORKERS                   <worker id>
  the deployment's tokens         SETTINGS                  TOKENS
  when a warning was said last    SETTINGS                  NOTICE#<name>
  the count of public calls       T#<tenant id>             PUBLIC#<minute>#<digest of the address>
  a tenant that is being erased   ENDED                     <next look>#<tenant id>
  a creation of a tenant (a day)  CREATED                   <digest of the Idempotency-Key>
  the note that leads there       T#<tenant id>             CREATED#<digest of the Idempotency-Key>
  a change of state to be told    STATUS                    T#<tenant id>#<channel>#<epoch, ten digits>#<number, ten digits>
  index by_owner                  <owner>                   T#<tenant id>

table deliveries (of a callback beside the first: sk begins with CALLBACK#<callback id>#, and index keys have its key for the tenant's id)
  an event's delivery record      T#<tenant id>             EVENT#<event id>
  its callback's state            T#<tenant id>             CALLBACK
  a parked chat                   T#<tenant id>             CHAT#<channel>:<chat id>
  a parked event's slot           T#<tenant id>             LOT#<channel>:<chat id>#<number, twelve digits>
  the count of dropped events     T#<tenant id>             DROPPED
  the count of callback tests     T#<tenant id>             TRIALS#<minute>
  a payload at the dev receiver   RECEIVER                  <time>#<random>
  index by_status (the log)       T#<tenant id>#<status>    <received at>#<event id>
  index by_due (the sweeper)      DUE#<shard>               <due at>
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.model.callback_key import FIRST, callback_of, key_of, owner_of
from shared.model.ids import Channel, EventId, TenantId, WorkerId

Key = dict[str, str]

TENANTS_PER_SHARD = 1000
BY_OWNER = "by_owner"
ACCOUNTS = "ACCOUNT#"


def tenant(tenant_id: TenantId) -> Key:
    return {"pk": f"T#{tenant_id}", "sk": "TENANT"}


def tenant_key(tenant_id: TenantId, key_id: str) -> Key:
    return {"pk": f"T#{tenant_id}", "sk": f"KEY#{key_id}"}


def account(tenant_id: TenantId, channel: Channel) -> Key:
    return {"pk": f"T#{tenant_id}", "sk": f"{ACCOUNTS}{channel}"}


def account_of(key: Key) -> Key:
    """Return the key of the account that a session or an update state belongs to."""
    return {"pk": key["pk"], "sk": ACCOUNTS + key["sk"].partition("#")[2]}


def belongs_to(sk: str, channel: Channel) -> bool:
    """Tell whether a sort key is of an account's own items: its session, its marks or a peer."""
    kind, _, rest = sk.partition("#")
    return kind in {"SESSION", "MARKS", "PEER", "LISTED", "KEYCLAIM", "PROXY", "QR"} and rest.partition("#")[0] == channel


def session(tenant_id: TenantId, channel: Channel) -> Key:
    return {"pk": f"T#{tenant_id}", "sk": f"SESSION#{channel}"}


def update_state(tenant_id: TenantId, channel: Channel) -> Key:
    return {"pk": f"T#{tenant_id}", "sk": f"MARKS#{channel}"}


def proxy(tenant_id: TenantId, channel: Channel) -> Key:
    return {"pk": f"T#{tenant_id}", "sk": f"PROXY#{channel}"}


def qr_code(tenant_id: TenantId, channel: Channel) -> Key:
    return {"pk": f"T#{tenant_id}", "sk": f"QR#{channel}"}


def provider_token(tenant_id: TenantId) -> Key:
    return {"pk": f"T#{tenant_id}", "sk": "PROVIDER"}


def provider_session(tenant_id: TenantId, channel: Channel) -> Key:
    return {"pk": f"T#{tenant_id}", "sk": f"PROVIDERSESSION#{channel}"}


def provider_qr(tenant_id: TenantId, channel: Channel, qr_id: str) -> Key:
    return {"pk": f"T#{tenant_id}", "sk": f"PROVIDERQR#{channel}#{qr_id}"}


KEY_CLAIMS = "KEYCLAIM#"


def key_claim(fingerprint: str) -> Key:
    return {"pk": f"{KEY_CLAIMS}{fingerprint}", "sk": "CLAIM"}


def key_claim_note(tenant_id: TenantId, channel: Channel, fingerprint: str) -> Key:
    return {"pk": f"T#{tenant_id}", "sk": f"{KEY_CLAIMS}{channel}#{fingerprint}"}


def peer(tenant_id: TenantId, channel: Channel, peer_id: int | str) -> Key:
    return {"pk": f"T#{tenant_id}", "sk": f"PEER#{channel}#{peer_id}"}


def listed_peer(tenant_id: TenantId, channel: Channel, peer_id: int | str) -> Key:
    return {"pk": f"T#{tenant_id}", "sk": f"LISTED#{channel}#{peer_id}"}


def directory_shard(shard: int) -> str:
    return f"TENANTS#{shard}"


def directory(number: int) -> Key:
    return {"pk": directory_shard(number // TENANTS_PER_SHARD), "sk": f"{number:010d}"}


def tenant_counter() -> Key:
    return {"pk": "COUNTER", "sk": "TENANTS"}


def rate_limit(tenant_id: TenantId) -> Key:
    return {"pk": f"T#{tenant_id}", "sk": "RATE"}


def once(tenant_id: TenantId, route: str, idempotency_key: str) -> Key:
    digest = hashlib.sha256(f"{route} {idempotency_key}".encode()).hexdigest()
    return {"pk": f"T#{tenant_id}", "sk": f"ONCE#{digest}"}


WORKERS = "WORKERS"


def worker(worker_id: WorkerId) -> Key:
    return {"pk": WORKERS, "sk": worker_id}


def tokens() -> Key:
    return {"pk": "SETTINGS", "sk": "TOKENS"}


def notice(name: str) -> Key:
    return {"pk": "SETTINGS", "sk": f"NOTICE#{name}"}


def public_calls(tenant_id: TenantId, address: str, minute: int) -> Key:
    return {"pk": f"T#{tenant_id}", "sk": f"PUBLIC#{minute}#{address}"}


ENDED = "ENDED"


def ended(look_at: datetime, tenant_id: TenantId) -> Key:
    return {"pk": ENDED, "sk": f"{moment(look_at)}#{tenant_id}"}


CREATED = "CREATED"


def created(idempotency_key: str) -> Key:
    return {"pk": CREATED, "sk": hashlib.sha256(idempotency_key.encode()).hexdigest()}


def creation_note(tenant_id: TenantId, idempotency_key: str) -> Key:
    return {"pk": f"T#{tenant_id}", "sk": f"{CREATED}#{created(idempotency_key)['sk']}"}


def noted_creation(note: str) -> Key:
    """Return the key of the creation that a note leads to, by the note's sort key."""
    return {"pk": CREATED, "sk": note.removeprefix(f"{CREATED}#")}


STATUS_OUTBOX = "STATUS"


def status_outbox(tenant_id: TenantId, channel: Channel, epoch: int, number: int) -> Key:
    return {"pk": STATUS_OUTBOX, "sk": f"T#{tenant_id}#{channel}#{epoch:010d}#{number:010d}"}


def status_outbox_of(tenant_id: TenantId, channel: Channel | None = None) -> dict[str, str]:
    """Return the values that a query finds a tenant's changes of state by, or those of one of its accounts."""
    return {":pk": STATUS_OUTBOX, ":sk": f"T#{tenant_id}#" + (f"{channel}#" if channel else "")}


BY_STATUS = "by_status"
BY_DUE = "by_due"
DUE_SHARDS = 4
PARKED_CHATS = "CHAT#"
DELIVERIES = "EVENT#"


def _of_callback(key: TenantId, sk: str) -> Key:
    """Return the key of an item that a callback has, in its tenant's partition: one query finds all items of a tenant."""
    return {"pk": f"T#{owner_of(key)}", "sk": f"{prefix(key)}{sk}"}


def prefix(key: TenantId) -> str:
    """Return what the sort keys of a callback's items begin with: nothing for the first."""
    callback_id = callback_of(key)
    return "" if callback_id == FIRST else f"{CALLBACK}#{callback_id}#"


def in_callback(sk: str) -> str:
    """Return a sort key without what its callback puts before it."""
    return sk.split("#", 2)[2] if sk.startswith(f"{CALLBACK}#") else sk  # the first's own is CALLBACK alone


def callback_key(key: Mapping[str, Any]) -> TenantId:
    """Return the key of the callback that an item is of; for the first, its tenant's id."""
    tenant_id, sk = TenantId(key["pk"].removeprefix("T#")), key["sk"]
    return key_of(tenant_id, sk.split("#", 2)[1]) if sk.startswith(f"{CALLBACK}#") else tenant_id


def delivery(tenant_id: TenantId, event_id: EventId) -> Key:
    return _of_callback(tenant_id, f"{DELIVERIES}{event_id}")


def listed(tenant_id: TenantId, status: str) -> str:
    return f"T#{owner_of(tenant_id) if callback_of(tenant_id) == FIRST else tenant_id}#{status}"


def listed_at(received_at: datetime, event_id: EventId) -> str:
    return f"{received_at:%Y-%m-%dT%H:%M:%S.%f}#{event_id}"


CALLBACK = "CALLBACK"


def callback_state(tenant_id: TenantId) -> Key:
    return _of_callback(tenant_id, CALLBACK)


def dropped(tenant_id: TenantId) -> Key:
    return _of_callback(tenant_id, "DROPPED")


def callback_tests(tenant_id: TenantId, minute: int) -> Key:
    return _of_callback(tenant_id, f"TRIALS#{minute}")


def parked_chat(tenant_id: TenantId, chat: str) -> Key:
    return _of_callback(tenant_id, f"{PARKED_CHATS}{chat}")


def backlog(chat: str) -> str:
    return f"LOT#{chat}#"


def slot(tenant_id: TenantId, chat: str, number: int) -> Key:
    return _of_callback(tenant_id, f"{backlog(chat)}{number:012d}")


def due_shard(tenant_id: TenantId) -> str:
    return f"DUE#{zlib.crc32(owner_of(tenant_id).encode()) % DUE_SHARDS}"


def due_shards() -> list[str]:
    return [f"DUE#{shard}" for shard in range(DUE_SHARDS)]


def moment(at: datetime) -> str:
    """Return a time (UTC) as text that sorts in the order of time."""
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}+00:00"


RECEIVER = "RECEIVER"


def received(at: datetime, nonce: str) -> Key:
    return {"pk": RECEIVER, "sk": f"{at:%Y-%m-%dT%H:%M:%S.%f}#{nonce}"}
