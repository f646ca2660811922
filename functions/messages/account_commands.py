"""Runs commands of a logged-in account at its owner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel

from functions.http.authenticator import Access
from shared.errors import AvioError, Code
from shared.model.account import AccountState
from shared.model.ids import Channel
from shared.rpc.client import OwnerClient
from shared.rpc.command import Command

R = TypeVar("R", bound=BaseModel)


@dataclass(frozen=True)
class AccountCommands:
    """Telegram accounts' commands by way of their owners."""

    owner: OwnerClient

    def run(self, access: Access, command: Command[R]) -> R:
        """Return the command's result; raise `not_authorized` if nobody is logged in, and what the owner raises."""
        state = access.account.standing if access.account else AccountState.NEW
        if not state.logged_in:
            raise AvioError(Code.NOT_AUTHORIZED, state=state.value)
        return self.owner.call(access.tenant.id, Channel.TELEGRAM, access.account, command)
