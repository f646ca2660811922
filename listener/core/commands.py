"""What functions can have an account do: one command per route of the private interface, its arguments as a model."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from listener.core.account import Account
from listener.telegram.operations.send import Outgoing
from shared.crypto import KeysUnavailable
from shared.errors import AvioError, Code
from shared.model.ids import Channel, TenantId
from shared.model.states import NEXT_STEPS, Reason
from shared.store.fenced import Superseded
from shared.store.table import StoreUnavailable

DEADLINE_S = 24.0  # shorter than what the owner client waits, so that an answer always comes from here

LEFT_ALONE_S = 60.0  # until a later version may run again


class _Arguments(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class _Addressed(_Arguments):
    """Which account a command is for."""

    tenant: TenantId
    channel: Channel


class Start(_Arguments):
    """auth/start"""

    phone: str


class Nothing(_Arguments):
    """A command without arguments."""


class Verify(_Arguments):
    """auth/verify"""

    phone: str
    code: str | None = None
    password: str | None = None


class Send(_Arguments):
    """send"""

    to: Annotated[str, StringConstraints(pattern=r"^(me|@\w+|-?[0-9]{1,19})$")]
    text: str
    random_id: int
    reply_to: int | None = None


async def _send(account: Account, body: Send) -> dict[str, Any]:
    sent = await account.send(Outgoing(body.to, body.text, body.reply_to, body.random_id))
    return {"peer_resolved": sent.chat_id, "message_id": sent.message_id, "date": sent.date.isoformat()}


@dataclass(frozen=True)
class Command:
    """A command's arguments and what it does."""

    arguments: type[_Arguments]
    run: Callable[[Account, Any], Awaitable[dict[str, Any]]]


COMMANDS: dict[str, Command] = {
    "auth/start": Command(Start, lambda account, body: account.flow.start(body.phone)),
    "auth/resend": Command(Nothing, lambda account, _: account.flow.resend()),
    "auth/cancel": Command(Nothing, lambda account, _: account.flow.cancel()),
    "auth/verify": Command(Verify, lambda account, body: account.flow.verify(body.phone, body.code, body.password)),
    "logout": Command(Nothing, lambda account, _: account.log_out()),
    "send": Command(Send, _send),
}


class Owner(Protocol):
    """Who knows which accounts are held here."""

    async def account(self, tenant_id: TenantId, channel: Channel) -> Account:
        """Return an account that is held here, claimed now if need be, or raise `not_mine`."""

    def held_account(self, tenant_id: TenantId, channel: Channel) -> Account | None:
        """Return an account that is held here already; nothing is claimed."""


async def run(owner: Owner, name: str, body: Any) -> dict[str, Any]:
    """Run a command and return its answer; raises AvioError for everything that can go wrong.

    Only what is checked here, before anything is done, is the caller's fault: whatever else fails is ours.
    """
    if name == "status" and isinstance(body, dict):
        return _status(owner, body)
    command = COMMANDS.get(name)
    if command is None or not isinstance(body, dict):
        raise AvioError(Code.NOT_FOUND)
    try:
        arguments, addressed = command.arguments.model_validate(body), _Addressed.model_validate(body)
    except ValidationError as error:
        raise AvioError(Code.INVALID_REQUEST) from error
    try:
        async with asyncio.timeout(DEADLINE_S):
            account = await owner.account(addressed.tenant, addressed.channel)
            if account.holding.row.left_alone:
                raise AvioError(Code.UNAVAILABLE, NEXT_STEPS[Reason.LATER_VERSION], retry_after_s=LEFT_ALONE_S)
            with account.command():
                return await command.run(account, arguments)
    except Superseded as error:
        raise AvioError(Code.NOT_MINE) from error
    except (StoreUnavailable, KeysUnavailable) as error:
        raise AvioError(Code.UNAVAILABLE, retry_after_s=5) from error
    except TimeoutError as error:
        raise AvioError(Code.OUTCOME_UNKNOWN if name == "send" else Code.UNAVAILABLE, retry_after_s=5) from error


def _status(owner: Owner, body: dict[str, Any]) -> dict[str, Any]:
    """Answer from memory, at once: asking how an account is doing must neither claim it nor wait for it."""
    channel = body.get("channel")
    account = owner.held_account(TenantId(str(body.get("tenant"))), Channel(channel)) if channel in set(Channel) else None
    if account is None:
        raise AvioError(Code.NOT_MINE)
    return account.live.model_dump(mode="json")
