"""Sending, without HTTP (contract M1, M4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from pydantic import BaseModel

from functions.http.acting import Act, ActAttempt
from functions.http.authenticator import Access
from shared.errors import AvioError, Code
from shared.model.account import Account, AccountState
from shared.model.ids import Channel
from shared.rpc.client import OwnerClient
from shared.rpc.command import Command

R = TypeVar("R", bound=BaseModel)
M = TypeVar("M", bound=BaseModel)


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Sending:
    """Sends by way of the account's owner."""

    owner: OwnerClient
    now: Callable[[], datetime] = _utc_now

    def send(
        self, once: Act, access: Access, command_of: Callable[[ActAttempt], Command[R]], model: type[M], answer_of: Callable[[R], M]
    ) -> M:
        """Have the account's owner send something, and return the answer to what Telegram made of it.

        The command's random ids are the attempt's and go with every try: Telegram takes the same one for the same message, so however
        often a request is repeated on its way, one message comes of it.
        """

        def action(attempt: ActAttempt) -> M:
            return answer_of(self.owner.call(access.tenant.id, Channel.TELEGRAM, access.account, command_of(attempt)))

        return once.run(model, action, ready=lambda: check_logged_in(access.account))


def check_logged_in(account: Account | None) -> None:
    """Raise `not_authorized` unless an account is logged in, as far as its row says."""
    state = account.standing if account else AccountState.NEW
    if not state.logged_in:
        raise AvioError(Code.NOT_AUTHORIZED, state=state.value)
