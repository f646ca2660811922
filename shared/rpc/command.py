"""A command: what a function asks the worker that owns an account, and what the worker answers.

An operation is one subclass of `Command`, with its result. The client sends it, and the handlers of a channel run it.
Functions and listener are deployed one after the other, so each side meets the other in an earlier and in a later version:

- A worker refuses a command, or a field, that it does not know: `not_supported`, and nothing is done. No argument vanishes.
- A function passes over fields of a result that it does not know.
- A field that is added later has a default, which is what happened before it, and is marked with `Since`. At its default it is not sent.
- What a command or field means never changes. A new meaning is a new command, or a new field.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Generic, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter

VERSION = 1
"""The version of the contract. It rises with each command and each field that is added."""

R = TypeVar("R", bound=BaseModel)
A = TypeVar("A")


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Id = Annotated[str, BeforeValidator(_as_text)]
"""The id of a chat, user or message in the channel's own form. Earlier workers write Telegram's ids as integers, which are read too."""


@dataclass(frozen=True)
class Since:
    """The version of the contract that a field was added in."""

    version: int


class Result(BaseModel):
    """What a command answers. The worker may say nothing else; the function passes over what it does not know."""

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
    """How long the worker may take, in seconds. The client waits longer, and HTTP API ends a request after 30 s."""
    repeatable: ClassVar[bool] = False
    """Whether a caller may ask anew without harm. Past the deadline such a command is `unavailable`, any other `outcome_unknown`."""
    from_memory: ClassVar[bool] = False
    """Whether the owner answers at once from memory. The account is not claimed, and its other commands are not waited for."""
    result: ClassVar[TypeAdapter[Any]]

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        for base in cls.__mro__:
            generic = getattr(base, "__pydantic_generic_metadata__", {})
            if generic.get("origin") is Command:
                cls.result = TypeAdapter(generic["args"][0])

    @classmethod
    def handled_by(cls, run: Callable[[A, Self], Awaitable[R]]) -> tuple[type[Command[Any]], Callable[[A, Any], Awaitable[Any]]]:
        """Pair the command with the function that runs it, for a channel's table; a type checker holds the two together."""
        return cls, run

    @property
    def needs(self) -> int:
        """The version of the contract that a worker must serve to do all of this: a field at its default asks for nothing."""
        fields = type(self).model_fields
        added = (mark for name in self.model_dump(exclude_defaults=True) for mark in fields[name].metadata if isinstance(mark, Since))
        return max([self.since, *(mark.version for mark in added)])
