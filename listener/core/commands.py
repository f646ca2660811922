"""Running what functions ask of an account: the core's own commands, and those of the account's channel."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

from pydantic import BaseModel

from listener.core.account import OwnedAccount
from listener.core.channel import Handlers
from shared.crypto import KeysUnavailable
from shared.errors import AvioError, Code
from shared.model.ids import Channel, TenantId
from shared.model.live_status import Live
from shared.model.states import NEXT_STEPS, Reason
from shared.rpc.command import Command
from shared.rpc.log_in import LogOut, StateReached
from shared.rpc.status import GetStatus
from shared.rpc.wire import Addressed
from shared.store.fenced import Superseded
from shared.store.table import StoreUnavailable

LEFT_ALONE_S = 60.0  # until a later version may run again


async def _log_out(account: OwnedAccount, _: LogOut) -> StateReached:
    return await account.log_out()


async def _status(account: OwnedAccount, _: GetStatus) -> Live:
    return account.live


OWN_HANDLERS: Handlers = dict([LogOut.handled_by(_log_out), GetStatus.handled_by(_status)])
"""What every channel's accounts can do, by the account's life alone: called with the account, not with the channel's side of it."""


class Owner(Protocol):
    """Who knows which accounts are held here."""

    @property
    def handlers(self) -> Mapping[Channel, Handlers]:
        """The commands of each channel that is served here."""

    async def account(self, tenant_id: TenantId, channel: Channel) -> OwnedAccount:
        """Return an account that is held here, claimed now if need be, or raise `not_mine`."""

    def held_account(self, tenant_id: TenantId, channel: Channel) -> OwnedAccount | None:
        """Return an account that is held here already; nothing is claimed."""


def known(handlers: Mapping[Channel, Handlers]) -> dict[Channel, list[type[Command[Any]]]]:
    """Return the commands that are known here, by channel."""
    return {channel: [*OWN_HANDLERS, *own] for channel, own in handlers.items()}


async def run(owner: Owner, asked: Addressed) -> BaseModel:
    """Run a command that `known` names, and return its result; raises AvioError for everything that can go wrong.

    Only what is checked before anything is done is the caller's fault: whatever else fails is ours.
    """
    command, handlers = asked.command, owner.handlers[asked.channel]
    if command.from_memory:
        if held := owner.held_account(asked.tenant_id, asked.channel):
            return await _handle(held, command, handlers)
        raise AvioError(Code.NOT_MINE)
    try:
        async with asyncio.timeout(command.deadline_s):
            account = await owner.account(asked.tenant_id, asked.channel)
            if account.context.row.left_alone:
                raise AvioError(Code.UNAVAILABLE, NEXT_STEPS[Reason.LATER_VERSION], retry_after_s=LEFT_ALONE_S)
            with account.command():
                return await _handle(account, command, handlers)
    except Superseded as error:
        raise AvioError(Code.NOT_MINE) from error
    except (StoreUnavailable, KeysUnavailable) as error:
        raise AvioError(Code.UNAVAILABLE, retry_after_s=5) from error
    except TimeoutError as error:
        raise AvioError(Code.UNAVAILABLE if command.repeatable else Code.OUTCOME_UNKNOWN, retry_after_s=5) from error


async def _handle(account: OwnedAccount, command: Command[Any], handlers: Handlers) -> BaseModel:
    if own := OWN_HANDLERS.get(type(command)):
        return await own(account, command)
    return await handlers[type(command)](account.channel, command)
