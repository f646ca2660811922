"""Everything that the control interface can do, as the HTTP routes and tests in Python use it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local.telegram.control.groups import GroupsControl
from local.telegram.control.messages import MessagesControl
from local.telegram.control.operation import OperationControl
from local.telegram.control.people import PeopleControl


@dataclass(frozen=True, slots=True)
class Control:
    """The parts of the control interface; `info` says how to connect."""

    info: Callable[[], dict[str, Any]]
    people: PeopleControl
    groups: GroupsControl
    messages: MessagesControl
    operation: OperationControl
