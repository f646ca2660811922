"""Every key of every item, and nowhere else.

table avio                        pk                        sk
  tenant                          T#<tenant id>             TENANT
  its API keys                    T#<tenant id>             KEY#<key id>
  an account (owner, status)      T#<tenant id>             ACCOUNT#<channel>
  its session, encrypted          T#<tenant id>             SESSION#<channel>
  its marks                       T#<tenant id>             MARKS#<channel>
  a peer it has met               T#<tenant id>             PEER#<channel>#<peer id>
  the directory of tenants        TENANTS#<number // 1000>  <number, ten digits>
  the last tenant number given    COUNTER                   TENANTS
  a worker                        WORKERS                   <worker id>
  the deployment's tokens         SETTINGS                  TOKENS
  index by_owner                  <owner>                   T#<tenant id>

table deliveries
  an event's delivery record      T#<tenant id>#<YYYY-MM-DD>  <event id>
  what the dev receiver got       RECEIVER                    <time>#<random>
"""

from __future__ import annotations

from datetime import datetime

from shared.model.event import Event
from shared.model.ids import Channel, TenantId, WorkerId

Key = dict[str, str]

TENANTS_PER_SHARD = 1000
BY_OWNER = "by_owner"


def tenant(tenant_id: TenantId) -> Key:
    return {"pk": f"T#{tenant_id}", "sk": "TENANT"}


def tenant_key(tenant_id: TenantId, key_id: str) -> Key:
    return {"pk": f"T#{tenant_id}", "sk": f"KEY#{key_id}"}


def account(tenant_id: TenantId, channel: Channel) -> Key:
    return {"pk": f"T#{tenant_id}", "sk": f"ACCOUNT#{channel}"}


def session(tenant_id: TenantId, channel: Channel) -> Key:
    return {"pk": f"T#{tenant_id}", "sk": f"SESSION#{channel}"}


def marks(tenant_id: TenantId, channel: Channel) -> Key:
    return {"pk": f"T#{tenant_id}", "sk": f"MARKS#{channel}"}


def peer(tenant_id: TenantId, channel: Channel, peer_id: int) -> Key:
    return {"pk": f"T#{tenant_id}", "sk": f"PEER#{channel}#{peer_id}"}


def directory_shard(shard: int) -> str:
    return f"TENANTS#{shard}"


def directory(number: int) -> Key:
    return {"pk": directory_shard(number // TENANTS_PER_SHARD), "sk": f"{number:010d}"}


def tenant_counter() -> Key:
    return {"pk": "COUNTER", "sk": "TENANTS"}


WORKERS = "WORKERS"


def worker(worker_id: WorkerId) -> Key:
    return {"pk": WORKERS, "sk": worker_id}


def tokens() -> Key:
    return {"pk": "SETTINGS", "sk": "TOKENS"}


def delivery(event: Event) -> Key:
    return {"pk": f"T#{event.tenant_id}#{event.message.date:%Y-%m-%d}", "sk": event.id}


RECEIVER = "RECEIVER"


def received(at: datetime, nonce: str) -> Key:
    return {"pk": RECEIVER, "sk": f"{at:%Y-%m-%dT%H:%M:%S.%f}#{nonce}"}
