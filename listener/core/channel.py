"""The seam between the core and a messenger: what a channel implements, and all that the core knows of it.

    claimed -> restore -> serve                    logged in, until woken or the session is over
                    |--> log-in commands, pair     not logged in: handlers of the channel, each step durable; a wait for a scan
                    '--> log_out -> forget         wanted

The core owns who has an account, its life, its ledger and its row. A channel owns the messenger's protocol, the form of a session and of
a position, and its commands. Everything durable goes through the account's context (listener/core/account_context.py).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel

from listener.core.account_context import AccountContext
from listener.core.runtime.signals import Signal
from shared.model.account import AccountState
from shared.model.ids import Channel
from shared.model.live_status import Live
from shared.model.states import Reason
from shared.rpc.command import Command

Handlers = Mapping[type[Command[Any]], Callable[[Any, Any], Awaitable[BaseModel]]]
"""What runs each command of a channel, called with the channel's account and the command."""


@dataclass(frozen=True)
class SessionEnd:
    """Why the messenger takes a session for over, and the account's state from then on."""

    state: AccountState
    reason: Reason


class ChannelAccount(Protocol):
    """One account at its messenger while this worker owns it."""

    @property
    def user_id(self) -> str | None:
        """The account's own id at the messenger, None where nobody is logged in."""

    @property
    def live(self) -> Live:
        """How the account is doing this moment, from memory."""

    def restore(self, session: str | None, position: str | None) -> None:
        """Take in what an earlier owner has saved. Called once, before everything else."""

    def state_shown(self, said: AccountState) -> tuple[AccountState, Reason] | None:
        """Return the state that the session shows where the row says another, `said`; None where they agree."""

    async def pair(self, wake: Signal) -> None:
        """Go on with a log-in that waits for a scan, until it is over or woken; return at once where there is none. Safe to cancel."""

    async def serve(self, wake: Signal) -> SessionEnd | None:
        """Stay connected until woken, or until the session is over; return why it is over.

        On return nothing is connected, and what was received is durable or comes again. Safe to cancel.
        """

    async def log_out(self, failures: int) -> bool:
        """End the session at the messenger; tell whether it is over. `failures` tries have failed before. Safe to run twice."""

    def forget(self) -> None:
        """Drop the session from memory: it has been erased."""


class ChannelDriver(Protocol):
    """One channel at one worker: opens accounts and names the commands that they take."""

    @property
    def channel(self) -> Channel:
        """Which channel it is."""

    @property
    def handlers(self) -> Handlers:
        """What runs the channel's commands. Logging out and the status are the core's own."""

    def open(self, context: AccountContext, wake: Signal) -> ChannelAccount:
        """Return the channel's side of an account that this worker has just claimed. A command sets `wake` when it has changed who
        is logged in."""
