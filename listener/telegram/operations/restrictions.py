"""Telegram's restrictions of a logged-in account, and the sends that they make pointless.

    PEER_FLOOD               restricted for a day: replies pass, cold sends are refused here; then one cold send may try
    FROZEN_METHOD_INVALID    frozen: nothing is sent; updates still arrive, and Telegram is asked now and then whether the freeze is over

Repeating requests that Telegram has just refused prolongs a restriction. A send is cold if no conversation with its peer is stored:
nothing was delivered from it or sent to it before. Telegram draws the line a little differently (who wrote first, or has the number in
their contacts), so it may refuse a stored peer too; that peer counts as cold from then on.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from telethon.errors import RPCError
from telethon.tl import functions, types

from listener.telegram.operations.recipients import possible_ids
from listener.telegram.requests.answers import Invoker
from listener.telegram.requests.errors import translate, translated
from listener.telegram.telegram_context import TelegramContext
from shared.errors import AvioError, Code
from shared.model.account import AccountState
from shared.model.states import Reason
from shared.store.fenced import Superseded

RESTRICTED_FOR = timedelta(hours=24)
"""An estimate: Telegram names no time with PEER_FLOOD, and answers a premature send with PEER_FLOOD again."""

ASKED_AGAIN_AFTER = timedelta(hours=1)
"""How often sends of a frozen account ask Telegram whether the freeze is over: an appeal may succeed at any time."""


@dataclass(frozen=True)
class Freeze:
    """Telegram's freeze of an account. `until` is when Telegram deletes it unless an appeal, at `appeal_url`, has succeeded by then."""

    until: datetime | None = None
    appeal_url: str | None = None


async def freeze_of(client: Invoker) -> Freeze | None:
    """Ask Telegram for its freeze of the account, None if there is none; raise AvioError if Telegram does not answer.

    The client configuration has it: https://core.telegram.org/api/auth#frozen-accounts
    """
    with translated():
        answer = await client.invoke(functions.help.GetAppConfigRequest(0))
    entries = answer.config.value if isinstance(getattr(answer, "config", None), types.JsonObject) else ()
    found = {entry.key: getattr(entry.value, "value", None) for entry in entries}
    if not found.get("freeze_since_date"):
        return None
    until, url = found.get("freeze_until_date"), found.get("freeze_appeal_url")
    return Freeze(datetime.fromtimestamp(int(until), UTC) if until else None, url or None)


class Restrictions:
    """One logged-in account's restrictions. The row has the state; `_refused` are stored peers that Telegram refused by PEER_FLOOD."""

    def __init__(self, context: TelegramContext) -> None:
        self._context = context
        self._core = context.core
        self._probing = False
        self._asked_at: datetime | None = None
        self._refused: set[str] = set()

    @asynccontextmanager
    async def sending(self, client: Invoker, to: str) -> AsyncIterator[None]:
        """Wrap a send: raise `peer_flood` or `account_frozen` if it would be pointless, and learn from Telegram's answer."""
        if self._core.row.state is AccountState.FROZEN:
            await self._refuse_frozen(client)
        cold = self._core.row.state is AccountState.RESTRICTED and await self._is_cold(to)
        if cold and (self._probing or self._now() < self._until()):
            raise self._peer_flood()
        self._probing = self._probing or cold
        try:
            yield
        except AvioError as error:
            raise await self._learn(client, to, cold, error) from error
        else:
            if cold:
                await self._lift()
        finally:
            self._probing = self._probing and not cold

    @asynccontextmanager
    async def changing(self, client: Invoker) -> AsyncIterator[None]:
        """Wrap a change that is no send: raise `account_frozen` if the account is frozen, and learn it from Telegram's answer."""
        if self._core.row.state is AccountState.FROZEN:
            await self._refuse_frozen(client)
        try:
            yield
        except RPCError as error:
            refusal = translate(error)
            raise (await self._learn_frozen(client) if refusal.code is Code.ACCOUNT_FROZEN else refusal) from error

    async def check_freeze(self, client: Invoker) -> None:
        """Ask Telegram whether a frozen account still is frozen; if it does not answer now, a later call asks again."""
        if self._core.row.state is AccountState.FROZEN:
            with contextlib.suppress(AvioError):
                self._asked_at = self._now()
                await self._note(await freeze_of(client))

    async def _refuse_frozen(self, client: Invoker) -> None:
        until, now = self._core.row.frozen_until, self._now()
        passed = until is not None and until <= now and (self._asked_at is None or self._asked_at < until)
        if passed or self._asked_at is None or now - self._asked_at >= ASKED_AGAIN_AFTER:
            await self.check_freeze(client)
        if self._core.row.state is AccountState.FROZEN:
            raise self._frozen()

    async def _is_cold(self, to: str) -> bool:
        if to == "me" or to.startswith("-"):
            return False
        if to in self._refused:
            return True
        if to.startswith("@"):
            known = self._context.peers.by_username(to[1:])
            if known is None:
                return True
            to = str(known.peer.id)
        if to.startswith("+"):
            user_id = self._context.peers.lookups.user_of(to)
            if user_id is None:
                return True
            to = str(user_id)
        return int(to) != self._context.user_id and (to in self._refused or not await self._has_met(int(to)))

    async def _has_met(self, number: int) -> bool:
        return any([await self._context.has_met(peer_id) for peer_id in possible_ids(number)])

    async def _learn(self, client: Invoker, to: str, cold: bool, error: AvioError) -> AvioError:
        if error.code is Code.ACCOUNT_FROZEN:
            return await self._learn_frozen(client)
        if error.code is Code.PEER_FLOOD:
            await self._restrict(to, cold)
            return self._peer_flood()
        return error

    async def _learn_frozen(self, client: Invoker) -> AvioError:
        self._asked_at = self._now()
        try:
            freeze = await freeze_of(client) or Freeze()
        except (AvioError, OSError):
            freeze = Freeze()
        await self._note(freeze)
        return self._frozen()

    async def _restrict(self, to: str, cold: bool) -> None:
        already = self._core.row.state is AccountState.RESTRICTED
        if already and not cold:
            self._refused.add(to)  # Telegram refused a reply; there are few, and they are forgotten when the restriction is over
        if not already or cold:
            until = self._now() + RESTRICTED_FOR
            await self._core.note(AccountState.RESTRICTED, Reason.PEER_FLOOD, restricted_until=until)

    async def _lift(self) -> None:
        """Note that a cold send passed. The message is sent, so a failure here must not become the send's answer."""
        self._refused.clear()
        with contextlib.suppress(Superseded):
            await self._core.note(AccountState.AUTHORIZED, Reason.LOGGED_IN, restricted_until=None)

    async def _note(self, freeze: Freeze | None) -> None:
        if freeze:
            until, url = freeze.until, freeze.appeal_url
            await self._core.note(AccountState.FROZEN, Reason.FROZEN_BY_TELEGRAM, frozen_until=until, appeal_url=url)
            return
        over: dict[str, None] = {"frozen_until": None, "appeal_url": None}
        if self._core.row.restricted_until and self._now() < self._core.row.restricted_until:
            await self._core.note(AccountState.RESTRICTED, Reason.PEER_FLOOD, **over)
        else:
            await self._core.note(AccountState.AUTHORIZED, Reason.LOGGED_IN, restricted_until=None, **over)

    def _peer_flood(self) -> AvioError:
        until = self._until()
        left_s = max(1.0, (until - self._now()).total_seconds())
        return AvioError(Code.PEER_FLOOD, retry_after_s=round(left_s), restricted_until=until.isoformat())

    def _frozen(self) -> AvioError:
        row = self._core.row
        until = row.frozen_until.isoformat() if row.frozen_until else None
        return AvioError(Code.ACCOUNT_FROZEN, frozen_until=until, appeal_url=row.appeal_url)

    def _until(self) -> datetime:
        return self._core.row.restricted_until or self._now()

    def _now(self) -> datetime:
        return self._core.services.now()
