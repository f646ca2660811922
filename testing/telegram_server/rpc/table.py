"""Methods by request type. A topic's module fills one table; `rpc.methods` joins them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from testing.telegram_server.rpc.call import Call

Handler = Callable[[Call, Any], Any]


@dataclass(frozen=True, slots=True)
class Method:
    """A method that this server knows: its name in the schema, and whether the caller must be logged in."""

    name: str
    handler: Handler
    needs_login: bool


class Methods(dict[type, Method]):
    """A table of methods."""

    def serves(self, request: type, *, needs_login: bool = True) -> Callable[[Handler], Handler]:
        """Register a function as the method of a request type."""

        def register(handler: Handler) -> Handler:
            self[request] = Method(method_name(request), handler, needs_login)
            return handler

        return register


def method_name(request: type) -> str:
    """Return a request's name as the schema spells it: `messages.sendMessage`."""
    module = request.__module__.rpartition("telethon.tl.functions")[2].strip(".")
    name = request.__name__.removesuffix("Request")
    return f"{module}.{name[0].lower()}{name[1:]}".lstrip(".")
