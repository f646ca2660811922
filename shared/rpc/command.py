"""A command: a function's request to the worker that owns an account, and the worker's result.

An operation is one subclass of `Command`, with its result. The client sends it, and the handlers of a channel run it.
Functions and listener are deployed one after the other, so each side meets the other in an earlier and in a later version:

- A worker refuses a command, or a field, that it does not know: `not_supported`, and nothing is done. No argument vanishes.
- A function ignores unknown fields of a result.
- A field that is added later has a default, which means the behaviour from before the field, and a `Since`. Fields at their defaults are
  not sent.
- The meaning of a command or field never changes. A new meaning is a new command or a new field.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter

VERSION = 4
"""The version of the contract. It rises with each command and each field that is added."""

R = TypeVar("R", bound=BaseModel)
A = TypeVar("A")


@dataclass(frozen=True)
class Since:
    """The version of the contract that a field was added in."""

    version: int


class Result(BaseModel):
    """The result of a command. The worker must set these fields and no others; functions ignore unknown fields."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, validate_by_name=True, validate_by_alias=True, serialize_by_alias=True
    )


class Command(BaseModel, Generic[R]):
    """A request to the owner of an account. `R` is its result, or the union of its results."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: ClassVar[str]
    since: ClassVar[int] = 1
    """The version of the contract that the command was added in."""
    deadline_s: ClassVar[float] = 24.0
    """The worker's time limit in seconds. The client waits a little longer, and HTTP API ends a request after 30 s."""
    repeatable: ClassVar[bool] = False
    """Whether a caller may safely repeat the command. After the deadline it is `unavailable`, and any other `outcome_unknown`."""
    from_memory: ClassVar[bool] = False
    """Whether the owner answers from memory: the account is not claimed, and the answer does not wait for other commands."""
    result: ClassVar[TypeAdapter[Any]]

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        for base in cls.__mro__:
            generic = getattr(base, "__pydantic_generic_metadata__", {})
            if generic.get("origin") is Command:
                cls.result = TypeAdapter(generic["args"][0])

    @classmethod
    def handled_by(cls, run: Callable[[A, Self], Awaitable[R]]) -> tuple[type[Command[Any]], Callable[[A, Any], Awaitable[Any]]]:
        """Pair the command with the function that runs it, for a channel's table. Type checkers compare the two."""
        return cls, run

    @property
    def needs(self) -> int:
        """The lowest version of the contract with all that this command uses. Fields at their defaults do not count."""
        fields = type(self).model_fields
        added = (mark for name in self.model_dump(exclude_defaults=True) for mark in fields[name].metadata if isinstance(mark, Since))
        return max([self.since, *(mark.version for mark in added)])
