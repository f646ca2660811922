"""Runs commands of a logged-in account at its owner, without HTTP (contract M1, M2, M4)."""

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
class AccountCommands:
    """Telegram accounts' commands by way of their owners."""

    owner: OwnerClient
    now: Callable[[], datetime] = _utc_now

    def run_once(
        self,
        once: Act,
        access: Access,
        command_of: Callable[[ActAttempt], Command[R]],
        model: type[M],
        answer_of: Callable[[R], M],
        *,
        ready: Callable[[], None] = lambda: None,
    ) -> M:
        """Have the account's owner run a command, and return the answer to its result.

        What sends takes its random ids from the attempt, so that they go with every try: Telegram takes the same one for the same message,
        so however often a request is repeated on its way, one message comes of it. `ready` raises for what cannot be done any more; it is
        not asked where an earlier run has answered.
        """

        def action(attempt: ActAttempt) -> M:
            return answer_of(self.owner.call(access.tenant.id, Channel.TELEGRAM, access.account, command_of(attempt)))

        def may_begin() -> None:
            check_logged_in(access.account)
            ready()

        return once.run(model, action, ready=may_begin)


def check_logged_in(account: Account | None) -> None:
    """Raise `not_authorized` unless an account is logged in, as far as its row says."""
    state = account.standing if account else AccountState.NEW
    if not state.logged_in:
        raise AvioError(Code.NOT_AUTHORIZED, state=state.value)
