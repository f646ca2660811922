"""Everything that the control interface can do, as the HTTP routes and tests in Python use it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from testing.telegram_server.control.groups import GroupsControl
from testing.telegram_server.control.messages import MessagesControl
from testing.telegram_server.control.operation import OperationControl
from testing.telegram_server.control.people import PeopleControl


@dataclass(frozen=True, slots=True)
class Control:
    """The parts of the control interface; `info` says how to connect."""

    info: Callable[[], dict[str, Any]]
    people: PeopleControl
    groups: GroupsControl
    messages: MessagesControl
    operation: OperationControl
