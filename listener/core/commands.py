"""Running what functions ask of an account: one handler per command and channel."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from pydantic import BaseModel

from listener.core.account import Account
from listener.telegram.operations.send import Outgoing
from shared.crypto import KeysUnavailable
from shared.errors import AvioError, Code
from shared.model.ids import Channel, TenantId
from shared.model.live import Live
from shared.model.states import NEXT_STEPS, Reason
from shared.rpc.command import Command
from shared.rpc.log_in import CancelLogIn, LogOut, ResendCode, SentCode, StartLogIn, StateReached, VerifyLogIn
from shared.rpc.send import SendMessage, SentMessage
from shared.rpc.status import GetStatus
from shared.rpc.wire import Addressed
from shared.store.fenced import Superseded
from shared.store.table import StoreUnavailable

LEFT_ALONE_S = 60.0  # until a later version may run again

Handlers = Mapping[type[Command[Any]], Callable[[Account, Any], Awaitable[BaseModel]]]


async def _start(account: Account, command: StartLogIn) -> SentCode | StateReached:
    return await account.flow.start(command.phone)


async def _resend(account: Account, _: ResendCode) -> SentCode | StateReached:
    return await account.flow.resend()


async def _cancel(account: Account, _: CancelLogIn) -> StateReached:
    return await account.flow.cancel()


async def _verify(account: Account, command: VerifyLogIn) -> StateReached:
    return await account.flow.verify(command.phone, command.code, command.password)


async def _log_out(account: Account, _: LogOut) -> StateReached:
    return await account.log_out()


async def _status(account: Account, _: GetStatus) -> Live:
    return account.live


_RECIPIENT = re.compile(r"me|@\w+|-?[0-9]{1,19}")
_MESSAGE_ID = re.compile(r"[0-9]{1,10}")


async def _send(account: Account, command: SendMessage) -> SentMessage:
    answered = command.reply_to
    if not _RECIPIENT.fullmatch(command.to) or (answered is not None and not _MESSAGE_ID.fullmatch(answered)):
        raise AvioError(Code.INVALID_REQUEST)
    sent = await account.send(Outgoing(command.to, command.text, int(answered) if answered else None, command.random_id))
    return SentMessage(chat_id=str(sent.chat_id), message_id=str(sent.message_id), date=sent.date)


HANDLERS: Mapping[Channel, Handlers] = {
    Channel.TELEGRAM: dict(
        [
            StartLogIn.handled_by(_start),
            ResendCode.handled_by(_resend),
            CancelLogIn.handled_by(_cancel),
            VerifyLogIn.handled_by(_verify),
            LogOut.handled_by(_log_out),
            SendMessage.handled_by(_send),
            GetStatus.handled_by(_status),
        ]
    )
}


class Owner(Protocol):
    """Who knows which accounts are held here."""

    async def account(self, tenant_id: TenantId, channel: Channel) -> Account:
        """Return an account that is held here, claimed now if need be, or raise `not_mine`."""

    def held_account(self, tenant_id: TenantId, channel: Channel) -> Account | None:
        """Return an account that is held here already; nothing is claimed."""


async def run(owner: Owner, asked: Addressed, handlers: Mapping[Channel, Handlers] = HANDLERS) -> BaseModel:
    """Run a command that `handlers` has, and return its result; raises AvioError for everything that can go wrong.

    Only what is checked before anything is done is the caller's fault: whatever else fails is ours.
    """
    command = asked.command
    handler = handlers[asked.channel][type(command)]
    if command.from_memory:
        if held := owner.held_account(asked.tenant_id, asked.channel):
            return await handler(held, command)
        raise AvioError(Code.NOT_MINE)
    try:
        async with asyncio.timeout(command.deadline_s):
            account = await owner.account(asked.tenant_id, asked.channel)
            if account.holding.row.left_alone:
                raise AvioError(Code.UNAVAILABLE, NEXT_STEPS[Reason.LATER_VERSION], retry_after_s=LEFT_ALONE_S)
            with account.command():
                return await handler(account, command)
    except Superseded as error:
        raise AvioError(Code.NOT_MINE) from error
    except (StoreUnavailable, KeysUnavailable) as error:
        raise AvioError(Code.UNAVAILABLE, retry_after_s=5) from error
    except TimeoutError as error:
        raise AvioError(Code.UNAVAILABLE if command.repeatable else Code.OUTCOME_UNKNOWN, retry_after_s=5) from error
