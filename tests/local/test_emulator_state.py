"""The file that holds the emulator's state: whatever was written is there for the next one, though nobody closed it."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.emulator_state import EmulatorState

ARN, QUEUE = "arn:aws:dynamodb:us-east-1:000000000000:table/t", "arn:aws:sqs:us-east-1:000000000000:q.fifo"


class ScopedState:
    """As the emulator's dictionaries by account and region."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data


def _default(value: Any) -> Any:
    assert isinstance(value, ScopedState)
    return {"scoped": value._data}


def _hook(value: dict[str, Any]) -> Any:
    return ScopedState(value["scoped"]) if "scoped" in value else value


class SavedEmulator:
    """One table and one queue in memory, changed as the emulator changes its own, and kept."""

    def __init__(self, folder: Path) -> None:
        self.state = EmulatorState(folder, _default, _hook)
        if self.state.settled:
            self.table: dict[str, Any] = self.state.load("dynamodb")["tables"]._data["t"]
            self.queue: dict[str, Any] = self.state.load("sqs")["queues"]._data["q"]
        else:
            self.table = {"TableArn": ARN, "items": defaultdict(dict)}
            self.queue = {"attributes": {"QueueArn": QUEUE}, "messages": [], "dedup_cache": {}, "fifo_seq": 0}

    def settle(self) -> None:
        """As at the end of a start."""
        copies = {"t": {**self.table, "items": dict(self.table["items"])}}, {"q": dict(self.queue)}
        tables, queues = copies
        self.state.settle(
            {"dynamodb": lambda: {"tables": ScopedState(tables)}, "sqs": lambda: {"queues": ScopedState(queues)}, "empty": dict}
        )

    def put(self, pk: str, sk: str, value: int | None) -> None:
        """Set an item, or remove it."""
        self.state.note_item(self.table, pk, sk)
        if value is None:
            self.table["items"].get(pk, {}).pop(sk, None)
        else:
            self.table["items"].setdefault(pk, {})[sk] = {"v": value}
        self.state.write_items()

    def send(self, name: str) -> None:
        """Add a message, unless its id is known."""
        if name in self.queue["dedup_cache"]:
            return
        self.queue["fifo_seq"] += 1
        message = {"id": name, "sent_at": 1, "visible_at": 1, "receipt_handle": None, "dedup_cache_key": name}
        self.queue["messages"] = [*self.queue["messages"], message]
        self.queue["dedup_cache"][name] = {"expire": time.time() + 300, "id": name}
        self.state.write_queues([self.queue])

    def take(self) -> None:
        """Receive and delete the first message."""
        self.queue["messages"] = self.queue["messages"][1:]
        self.state.write_queues([self.queue])

    def holds(self) -> tuple[Any, Any, Any, Any]:
        """What a caller could see."""
        items = {(pk, sk): item["v"] for pk, some in self.table["items"].items() for sk, item in some.items()}
        return items, [one["id"] for one in self.queue["messages"]], set(self.queue["dedup_cache"]), self.queue["fifo_seq"]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[[], SavedEmulator]]:
    """Begin with what is in the file; those before are as dead, though their connections are closed at the end."""
    begun = list[SavedEmulator]()

    def another() -> SavedEmulator:
        begun.append(SavedEmulator(tmp_path))
        return begun[-1]

    yield another
    for one in begun:
        one.state.close()


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


_names = st.sampled_from("abc")
_acts = st.one_of(
    st.tuples(st.just("put"), _names, _names, st.one_of(st.none(), st.integers())),
    st.tuples(st.just("send"), st.text("xyz", min_size=1, max_size=3)),
    st.tuples(st.just("take")),
    st.tuples(st.just("settle")),
    st.tuples(st.just("die")),
)


@given(st.lists(_acts, max_size=30))
def test_after_a_death_all_is_as_it_was_last_answered(acts: list[tuple[Any, ...]]) -> None:
    """Whatever was done, and however often it died: nothing is missing, nothing comes again, and the order is the old one."""
    with _folder() as folder:
        emulator = SavedEmulator(folder)
        emulator.settle()
        for name, *given_ in [*acts, ("die",)]:
            if name == "die":
                before, dead = emulator.holds(), emulator
                emulator = SavedEmulator(folder)
                assert emulator.holds() == before
                dead.state.close()
            else:
                getattr(emulator, name)(*given_)
        emulator.state.close()


def test_what_was_never_settled_is_nothing(begin: Callable[[], SavedEmulator]) -> None:
    """A start that was not through answered nobody."""
    first = begin()
    first.put("a", "b", 1)
    first.send("m")
    second = begin()
    assert second.holds() == ({}, [], set(), 0)
    second.settle()
    assert begin().holds() == ({}, [], set(), 0)


def test_a_requests_items_are_written_together(begin: Callable[[], SavedEmulator]) -> None:
    """Those that were noted and not written are those of a request that was not answered: none of them is there."""
    emulator = begin()
    emulator.settle()
    for sk in ("b", "c"):
        emulator.state.note_item(emulator.table, "a", sk)
        emulator.table["items"]["a"][sk] = {"v": 1}
    assert begin().holds()[0] == {}
    emulator.state.write_items()
    assert begin().holds()[0] == {("a", "b"): 1, ("a", "c"): 1}


def test_a_message_that_somebody_held_can_be_had_again(begin: Callable[[], SavedEmulator]) -> None:
    """Whoever held it is as dead as the queue."""
    emulator = begin()
    emulator.send("m")
    emulator.queue["messages"][0] |= {"visible_at": 99, "receipt_handle": "held"}
    emulator.settle()
    (message,) = begin().queue["messages"]
    assert (message["visible_at"], message["receipt_handle"]) == (1, None)


def test_services_that_hold_nothing_are_not_written(begin: Callable[[], SavedEmulator]) -> None:
    """And one that holds nothing any more is removed."""
    emulator = begin()
    emulator.state.settle({"a": lambda: {"x": ScopedState({"k": {}})}, "b": lambda: {"x": ScopedState({"k": {"y": 1}})}, "c": lambda: None})
    assert [emulator.state.load(name) is not None for name in "abc"] == [False, True, False]
    emulator.state.settle({})
    assert emulator.state.load("b") is None


def test_one_service_is_written_at_once(begin: Callable[[], SavedEmulator]) -> None:
    """As roles are that somebody assumed."""
    emulator = begin()
    emulator.settle()
    emulator.state.write_service("sts", {"key": "session"})
    assert begin().state.load("sts") == {"key": "session"}
