"""Sending, without HTTP (contract M1, M4)."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from pydantic import BaseModel

from shared.errors import AvioError, Code
from shared.model.account import Account, AccountState
from shared.model.ids import Channel, TenantId
from shared.rpc.client import OwnerClient
from shared.rpc.command import Command

R = TypeVar("R", bound=BaseModel)


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Sending:
    """Sends by way of the account's owner."""

    owner: OwnerClient
    now: Callable[[], datetime] = _utc_now

    def send(self, tenant_id: TenantId, account: Account | None, command: Command[R]) -> R:
        """Have the account's owner send something, and return what Telegram made of it.

        The command has its random ids from the route, once, and they go with every try: Telegram takes the same one for the same message,
        so however often a request is repeated on its way, one message comes of it.
        """
        state = account.standing if account else AccountState.NEW
        if not state.logged_in:
            raise AvioError(Code.NOT_AUTHORIZED, state=state.value)
        return self.owner.call(tenant_id, Channel.TELEGRAM, account, command)


def random_id() -> int:
    """Return 63 random bits: positive in Telegram's signed 64."""
    return int.from_bytes(os.urandom(8), "big") >> 1
