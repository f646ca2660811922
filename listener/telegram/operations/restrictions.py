"""What Telegram lets a logged-in account do at present, and the sends that are not worth asking for.

    PEER_FLOOD               restricted, a day long: replies go, cold sends are refused here; then one cold send is let through
    FROZEN_METHOD_INVALID    frozen: nothing is sent; it goes on receiving, and Telegram is asked now and then whether that is over

Asking again and again for what Telegram has just refused is what makes a restriction longer. A send is cold where no conversation is
kept with its peer: nothing was delivered from it or written to it before. Telegram's own line is a little other (who has written first,
or has the number in their contacts), so a kept peer may be refused too: it counts as cold from then on.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from listener.core.account_context import AccountContext
from listener.telegram.connection.client import Client
from listener.telegram.operations.freeze import Freeze, freeze_of
from shared.errors import AvioError, Code
from shared.model.account import AccountState
from shared.model.states import Reason
from shared.store.fenced import Superseded

RESTRICTED_FOR = timedelta(hours=24)
"""Telegram names no time with PEER_FLOOD, and answers a premature try by the same again: a guess."""

ASKED_AGAIN_AFTER = timedelta(hours=1)
"""How often a frozen account's sends may have Telegram asked whether the freeze is over: an appeal may succeed at any time."""


class Restrictions:
    """One logged-in account's standing. Its state is the row's; `_refused` are kept peers that PEER_FLOOD named."""

    def __init__(self, holding: AccountContext) -> None:
        self._holding = holding
        self._probing = False
        self._asked_at: datetime | None = None
        self._refused: set[str] = set()

    @asynccontextmanager
    async def sending(self, client: Client, to: str) -> AsyncIterator[None]:
        """Wrap a send: raises `peer_flood` or `account_frozen` where it is not worth asking, and learns from what Telegram answers."""
        if self._holding.row.state is AccountState.FROZEN:
            await self._still_frozen(client)
        cold = self._holding.row.state is AccountState.RESTRICTED and await self._is_cold(to)
        if cold and (self._probing or self._now() < self._until()):
            raise self._peer_flood()
        self._probing = self._probing or cold
        try:
            yield
        except AvioError as error:
            raise await self._learnt(client, to, cold, error) from error
        else:
            if cold:
                await self._lift()
        finally:
            self._probing = self._probing and not cold

    async def look(self, client: Client) -> None:
        """Ask Telegram whether a frozen account still is; where it does not say so now, it is asked again later."""
        if self._holding.row.state is AccountState.FROZEN:
            with contextlib.suppress(AvioError):
                self._asked_at = self._now()
                await self._note(await freeze_of(client))

    async def _still_frozen(self, client: Client) -> None:
        until, now = self._holding.row.frozen_until, self._now()
        passed = until is not None and until <= now and (self._asked_at is None or self._asked_at < until)
        if passed or self._asked_at is None or now - self._asked_at >= ASKED_AGAIN_AFTER:
            await self.look(client)
        if self._holding.row.state is AccountState.FROZEN:
            raise self._frozen()

    async def _is_cold(self, to: str) -> bool:
        if to == "me" or to.startswith("-"):
            return False
        if to in self._refused:
            return True
        if to.startswith("@"):
            known = self._holding.peers.by_username(to[1:])
            if known is None:
                return True
            to = str(known.peer.id)
        return int(to) != self._holding.user_id and (to in self._refused or not await self._holding.met(int(to)))

    async def _learnt(self, client: Client, to: str, cold: bool, error: AvioError) -> AvioError:
        if error.code is Code.ACCOUNT_FROZEN:
            self._asked_at = self._now()
            try:
                freeze = await freeze_of(client) or Freeze()
            except (AvioError, OSError):
                freeze = Freeze()
            await self._note(freeze)
            return self._frozen()
        if error.code is Code.PEER_FLOOD:
            await self._restrict(to, cold)
            return self._peer_flood()
        return error

    async def _restrict(self, to: str, cold: bool) -> None:
        already = self._holding.row.state is AccountState.RESTRICTED
        if already and not cold:
            self._refused.add(to)  # a reply, and yet refused; they are few, and forgotten when the restriction is over
        if not already or cold:
            until = self._now() + RESTRICTED_FOR
            await self._holding.note(AccountState.RESTRICTED, Reason.PEER_FLOOD, restricted_until=until)

    async def _lift(self) -> None:
        """Note that a cold send went through. The message is sent, so what goes wrong here must not become its answer."""
        self._refused.clear()
        with contextlib.suppress(Superseded):
            await self._holding.note(AccountState.AUTHORIZED, Reason.LOGGED_IN, restricted_until=None)

    async def _note(self, freeze: Freeze | None) -> None:
        if freeze:
            until, url = freeze.until, freeze.appeal_url
            await self._holding.note(AccountState.FROZEN, Reason.FROZEN_BY_TELEGRAM, frozen_until=until, appeal_url=url)
            return
        over: dict[str, None] = {"frozen_until": None, "appeal_url": None}
        if self._holding.row.restricted_until and self._now() < self._holding.row.restricted_until:
            await self._holding.note(AccountState.RESTRICTED, Reason.PEER_FLOOD, **over)
        else:
            await self._holding.note(AccountState.AUTHORIZED, Reason.LOGGED_IN, restricted_until=None, **over)

    def _peer_flood(self) -> AvioError:
        until = self._until()
        left_s = max(1.0, (until - self._now()).total_seconds())
        return AvioError(Code.PEER_FLOOD, retry_after_s=round(left_s), restricted_until=until.isoformat())

    def _frozen(self) -> AvioError:
        row = self._holding.row
        until = row.frozen_until.isoformat() if row.frozen_until else None
        return AvioError(Code.ACCOUNT_FROZEN, frozen_until=until, appeal_url=row.appeal_url)

    def _until(self) -> datetime:
        return self._holding.row.restricted_until or self._now()

    def _now(self) -> datetime:
        return self._holding.means.now()
