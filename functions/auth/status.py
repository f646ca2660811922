"""How an account is doing: its row, and what its owner says of this moment (contract A1).

The owner is asked and nobody else, and nothing is claimed. Where there is none, or it does not answer within two seconds, the row alone
is the answer: never an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from functions.auth.live_workers import LiveWorkers
from shared.clock import Clock
from shared.model.account import Account, AccountState
from shared.model.live_status import Live
from shared.model.states import NEXT_STEPS, Reason, reason_of
from shared.rpc.client import OwnerClient
from shared.rpc.status import GetStatus

DEADLINE_S = GetStatus.deadline_s
DOWN_FOR = timedelta(seconds=60)
"""A connection that is made anew takes a few seconds; one that is not there after this long is an outage."""

UNCONFIRMED_FOR = timedelta(minutes=15)
"""Telegram is asked every five minutes or so whether something is missing; three times without an answer is no chance."""


NOBODY_ANSWERS = (
    "No worker answers for the account. Events come late, nothing is lost, and nothing can be sent until then. A worker usually takes the "
    "account over within half a minute; where this lasts, have your operator see that a listener runs (`avio workers`)."
)


class Stale(StrEnum):
    """Why what a logged-in account receives may be late."""

    NO_OWNER = "no_owner"
    NO_ANSWER = "no_answer"
    NOT_CONNECTED = "not_connected"
    NOT_CONFIRMED = "not_confirmed"


_KEPT = "Nothing is lost: what comes meanwhile is fetched late (`backfilled`)."
STALE_STEPS: dict[Stale, str] = {
    **dict.fromkeys((Stale.NO_OWNER, Stale.NO_ANSWER), NOBODY_ANSWERS),
    Stale.NOT_CONNECTED: f"The account is not connected to Telegram; `last_error` says why, and it is tried again. {_KEPT}",
    Stale.NOT_CONFIRMED: f"Telegram has not confirmed for 15 minutes that nothing is missing, and is asked again. {_KEPT}",
}
"""What people do next where what an account receives may be late: complete by test."""


@dataclass(frozen=True)
class Status:
    """Tells how accounts are doing."""

    owner: OwnerClient
    workers: LiveWorkers
    clock: Clock
    deadline_s: float = DEADLINE_S

    def of(self, account: Account | None) -> dict[str, Any]:
        """Return what is shown of an account, given its row as read with the request."""
        if account is None:
            return _shown(AccountState.NEW, None, None, owner=False, now=self.clock.now())
        owner = self.workers.holds(account.owner)
        live = self.owner.ask(account, GetStatus(), self.deadline_s) if owner else None
        return _shown(account.standing, account, live, owner=owner, now=self.clock.now())


def _shown(state: AccountState, account: Account | None, live: Live | None, *, owner: bool, now: datetime) -> dict[str, Any]:
    reason = reason_of(state, account.reason if account else None)
    stale = staleness(live, owner=owner, now=now) if state.logged_in else None
    row = account.model_dump(include={"phone", "last_error", "restricted_until", "frozen_until", "appeal_url"}) if account else {}
    shown = {
        "authorized": state.logged_in,
        "state": state,
        "reason": reason,
        "next_step": _next_step(reason, stale),
        "owner": owner and (live is not None or not state.logged_in),
        "stale": stale is not None,
        "stale_reason": stale,
        **row,
    }
    return shown if live is None else {**shown, **live.model_dump(exclude={"down_since", "last_error"}), **_error_of(live)}


def _next_step(reason: Reason, stale: Stale | None) -> str:
    """Return what people do next: first about what is late, then about the state, where that asks for something."""
    if stale is None:
        return NEXT_STEPS[reason]
    return STALE_STEPS[stale] if reason is Reason.LOGGED_IN else f"{STALE_STEPS[stale]} {NEXT_STEPS[reason]}"


def _error_of(live: Live) -> dict[str, str]:
    return {"last_error": live.last_error} if live.last_error else {}


def staleness(live: Live | None, *, owner: bool, now: datetime) -> Stale | None:
    """Return why a logged-in account may not be up to date; None where it is, as far as its owner knows."""
    if live is None:
        return Stale.NO_ANSWER if owner else Stale.NO_OWNER
    if not live.connected:
        down_for = now - live.down_since if live.down_since else timedelta.max
        return Stale.NOT_CONNECTED if down_for > DOWN_FOR else None
    confirmed_at = max(filter(None, (live.synced_at, live.connected_since)), default=now)
    return Stale.NOT_CONFIRMED if now - confirmed_at > UNCONFIRMED_FOR else None
