"""QR codes as an account's owner stores and answers them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from shared.model.account import AccountState
from shared.model.ids import Channel, Epoch, TenantId
from shared.model.qr_code import LASTS
from shared.store.qr_codes import QrCodeStore
from tests.functions.api import Api
from tests.support.stand_in_owner import StandInOwner

LINK = "tg://login?token=AQLmF3q0m1kYzS3Yp0QWJ2mXw9Zr4T6uVbNcDdEeFfG"
GOOD_FOR = timedelta(seconds=30)


def show(api: Api, tenant: dict[str, Any], owner: StandInOwner, qr_id: str = "first", before: str | None = None, **row: Any) -> datetime:
    """Store a code as the account's owner does; return when it expires."""
    codes, tenant_id, now = QrCodeStore(api.table), TenantId(tenant["id"]), api.clock.now()
    api.put_account(tenant["id"], AccountState.NEED_QR, owner.worker, **row)
    if before is None:
        codes.begin(tenant_id, Channel.TELEGRAM, Epoch(1), now, now + LASTS)
    codes.show(tenant_id, Channel.TELEGRAM, Epoch(1), qr_id, LINK, now + GOOD_FOR, before)
    return now + GOOD_FOR


def issued(api: Api, qr_id: str = "first") -> dict[str, Any]:
    """Return an owner's answer to a start."""
    now = api.clock.now()
    times = {"expires_at": (now + GOOD_FOR).isoformat(), "ends_at": (now + LASTS).isoformat()}
    return {"qr_id": qr_id, "link": LINK, "issued": 1, **times}


def json_time(at: datetime) -> str:
    """Return a time as answers have it."""
    return at.isoformat().replace("+00:00", "Z")
