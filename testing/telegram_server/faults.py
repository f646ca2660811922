"""What should go wrong, for whom, in which method and how often."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from testing.telegram_server.model.phone import normal

Kind = Literal[
    "error",  # answer with code and message; nothing is executed
    "flood_wait",  # answer 420 FLOOD_WAIT_<seconds>
    "delay",  # execute after `seconds`
    "ignore",  # never answer, execute nothing
    "drop_before",  # close the connection, execute nothing
    "drop_after",  # execute, then close the connection without the answer
    "difference_too_long",  # updates.getDifference answers differenceTooLong
    "channel_difference_too_long",  # updates.getChannelDifference answers channelDifferenceTooLong
    "unreadable",  # execute, and answer with a constructor that no layer has
    "lose_push",  # a pushed update is not sent
    "repeat_push",  # a pushed update is sent twice
    "hold_push",  # a pushed update is sent after the one that follows it
    "too_long_push",  # instead of a pushed update only updateChannelTooLong or updatesTooLong is sent
]
PUSH_KINDS = frozenset({"lose_push", "repeat_push", "hold_push", "too_long_push"})
_TARGETS = {
    "difference_too_long": "updates.getDifference",
    "channel_difference_too_long": "updates.getChannelDifference",
}


class FaultSpec(BaseModel):
    """One fault. Without a phone it hits everybody, without a method every method, without `times` until it is cleared."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    phone: str | None = None
    chat: int | None = Field(None, description="pushes only: those of this supergroup or channel, by its number")
    method: str | None = Field(None, description="as in the schema, e.g. messages.sendMessage")
    times: int | None = Field(1, ge=1, le=1_000_000)
    code: int = Field(500, ge=-1000, le=1000)
    message: str = Field("INTERNAL", max_length=200)
    seconds: float = Field(0, ge=0, le=86_400)

    @field_validator("phone")
    @classmethod
    def _digits(cls, phone: str | None) -> str | None:
        if phone is not None and normal(phone) is None:
            raise ValueError("not a phone number")
        return normal(phone) if phone is not None else None

    @property
    def target(self) -> str | None:
        """Return the one method that this can hit, None for any."""
        return _TARGETS.get(self.kind, self.method)


class Fault:
    """A fault in force: how often it still strikes, and how often it has."""

    def __init__(self, number: int, spec: FaultSpec) -> None:
        self.number, self.spec = number, spec
        self.left, self.struck = spec.times, 0


class Faults:
    """The faults in force, oldest first; `take` uses one up."""

    def __init__(self) -> None:
        self._active: dict[int, Fault] = {}
        self._last = 0

    def __bool__(self) -> bool:
        return bool(self._active)

    def inject(self, spec: FaultSpec) -> Fault:
        self._last += 1
        fault = self._active[self._last] = Fault(self._last, spec)
        return fault

    def all(self) -> list[Fault]:
        return list(self._active.values())

    def clear(self, number: int | None = None) -> bool:
        """Remove one fault, or all of them; return whether there was any."""
        if number is not None:
            return self._active.pop(number, None) is not None
        had = bool(self._active)
        self._active.clear()
        return had

    def take(self, phone: str | None, method: str) -> FaultSpec | None:
        """Return the oldest fault that strikes this call, and count it."""
        return self._take(lambda spec: spec.kind not in PUSH_KINDS and spec.phone in (None, phone) and spec.target in (None, method))

    def take_push(self, phone: str, box: int | None) -> FaultSpec | None:
        """Return the oldest fault that strikes this push of an event of `box`, and count it."""
        return self._take(lambda spec: spec.kind in PUSH_KINDS and spec.phone in (None, phone) and spec.chat in (None, box))

    def _take(self, strikes: Callable[[FaultSpec], bool]) -> FaultSpec | None:
        for fault in self._active.values():
            if strikes(fault.spec):
                self._use(fault)
                return fault.spec
        return None

    def _use(self, fault: Fault) -> None:
        fault.struck += 1
        if fault.left is not None:
            fault.left -= 1
            if not fault.left:
                del self._active[fault.number]
