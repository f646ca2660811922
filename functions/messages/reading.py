"""Reading, without HTTP (contract M5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from pydantic import BaseModel

from functions.http.authenticator import Access
from functions.messages.account_commands import check_logged_in
from functions.messages.views import ReadingTenant
from shared.errors import AvioError, Code
from shared.model.ids import Channel
from shared.rpc.client import OwnerClient
from shared.rpc.command import Command

R = TypeVar("R", bound=BaseModel)
RETRY_AFTER_S = 5


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class AccountReading:
    """Reads by way of the account's owner. It counts for no rate limit: the owner asks Telegram for one thing at a time."""

    owner: OwnerClient
    base_url: str = ""
    now: Callable[[], datetime] = _utc_now

    def reader(self, access: Access) -> ReadingTenant:
        """Return who reads, now."""
        return ReadingTenant(access.tenant.id, self.now(), self.base_url)

    def ask(self, access: Access, command: Command[R]) -> R:
        """Return a command's result; raise `not_authorized` if nobody is logged in, and what the owner raises.

        Where no answer comes, nothing was done: that is `unavailable`.
        """
        check_logged_in(access.account)
        try:
            return self.owner.call(access.tenant.id, Channel.TELEGRAM, access.account, command)
        except AvioError as error:
            if error.code is not Code.OUTCOME_UNKNOWN:
                raise
            raise AvioError(Code.UNAVAILABLE, "No answer came in time. Ask again.", retry_after_s=RETRY_AFTER_S) from error
