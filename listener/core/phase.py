"""The phases of an account's life at its owner, as a machine.

    loading -> awaiting_login <-> serving         without and with a session
       |              '------------+--> logging_out    somebody wants it logged out or erased
       '-> left_alone                             only a later version knows what to do with it
    every phase -> over                           released, handed over, superseded or failed: final

Beside the phase stands the departure: why the account takes no more commands, though its phase may have to end first.
"""

from __future__ import annotations

from enum import StrEnum

from listener.core.runtime.signals import Signal, wait_for


class Phase(StrEnum):
    """What the account's task is doing."""

    LOADING = "loading"
    AWAITING_LOGIN = "awaiting_login"
    SERVING = "serving"
    LOGGING_OUT = "logging_out"
    LEFT_ALONE = "left_alone"
    OVER = "over"


class Departure(StrEnum):
    """Why an account is leaving this worker. released: nobody looks for it. handed_over: with the worker. handed_back: to a peer."""

    RELEASED = "released"
    HANDED_OVER = "handed_over"
    HANDED_BACK = "handed_back"


_LIVING = {Phase.AWAITING_LOGIN, Phase.SERVING, Phase.LOGGING_OUT, Phase.LEFT_ALONE}
_NEXT = {Phase.LOADING: _LIVING, **dict.fromkeys(_LIVING, _LIVING), Phase.OVER: set[Phase]()}


class PhaseMachine:
    """An account's phase and departure, and who waits for them."""

    __slots__ = ("_loaded", "_over", "departure", "phase")

    def __init__(self) -> None:
        self.phase = Phase.LOADING
        self.departure: Departure | None = None
        self._loaded = Signal()
        self._over = Signal()

    def enter(self, phase: Phase) -> None:
        """Move on; raises AssertionError for a move that the machine does not have. Over is entered from everywhere, and again."""
        assert phase is Phase.OVER or phase in _NEXT[self.phase], f"{self.phase} -> {phase}"
        self.phase = phase
        self._loaded.set()
        if phase is Phase.OVER:
            self._over.set()

    def depart(self, departure: Departure) -> None:
        """Take no more commands. A later departure replaces an earlier one only in this order: released, handed over, handed back."""
        order = list(Departure)
        if self.departure is None or order.index(departure) > order.index(self.departure):
            self.departure = departure

    @property
    def loaded(self) -> bool:
        """Whether the account takes commands, or is over."""
        return self.phase is not Phase.LOADING

    @property
    def leaving(self) -> bool:
        """Whether the account is on its way out of here, or out."""
        return self.departure is not None or self.phase is Phase.OVER

    @property
    def handing_over(self) -> bool:
        """Whether another worker is to go on with the account."""
        return self.departure in (Departure.HANDED_OVER, Departure.HANDED_BACK)

    async def wait_loaded(self) -> None:
        """Wait until the account takes commands, or is over."""
        await self._loaded.wait()

    async def over_within(self, seconds: float) -> bool:
        """Wait for the end; tell whether it came in time."""
        return await wait_for(self._over, seconds)
