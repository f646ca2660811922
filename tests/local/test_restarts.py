"""Parts that end are started again, after waits that grow, and each time is said."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.child_process import ChildProcess, LaunchedProcess, StartError, bare_environment
from local.restarts import OFTEN, STEADY_S, WAITS_S, SupervisedProcess, wait_s

SERVES = "import time; print('ready', flush=True); time.sleep(60)"
DIES = "raise SystemExit('no such thing')"
HANGS = "import time; time.sleep(60)"
DEADLINE_S = 20


class RestartScenario:
    """A part whose program can be changed, a clock that stands, and what was said."""

    def __init__(self, folder: Path) -> None:
        self.code, self.now, self.said = SERVES, 0.0, list[str]()
        self.log = folder / "part.log"
        self.part = SupervisedProcess(self._launch, DEADLINE_S, lambda: self.now)

    def _launch(self, again: bool) -> LaunchedProcess:
        process = ChildProcess("the part", [sys.executable, "-c", self.code], bare_environment(), self.log, again=again)
        return LaunchedProcess(process, lambda: "ready" in process.said())

    def look(self, *, may_start: bool = True) -> bool:
        """Look once."""
        return self.part.look(self.said.append, "do this", may_start=may_start)

    def kill(self) -> None:
        """Kill the process, and see that."""
        os.kill(self.part.pid, signal.SIGKILL)
        _until(lambda: not self.part.running)
        assert not self.look()

    def starts_again(self) -> None:
        """Let the wait pass, and the part get ready."""
        self.now += WAITS_S[-1]
        self.look()
        _until(self.look)

    def fails_again(self) -> None:
        """Let the wait pass, and the part end while it starts."""
        self.now += WAITS_S[-1]
        self.look()
        _until(lambda: not self.part.running)
        self.look()


def _until(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < ends, "it did not come"
        time.sleep(0.005)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[RestartScenario]:
    """A part that runs."""
    made = RestartScenario(tmp_path)
    yield made
    made.part.stop()


def test_what_is_killed_runs_again_after_its_wait(world: RestartScenario) -> None:
    """Each step has one line, and nothing is started before its time."""
    first = world.part.pid
    assert world.look()
    world.kill()
    assert world.said == [f"the part ended (killed by signal 9); starting it again in 1 s. Its log: {world.log}"]
    world.now += 0.9
    assert not world.look()
    assert world.part.pid == first
    world.starts_again()
    assert world.part.pid != first
    assert world.said[1:] == ["the part runs again"]


def test_its_log_goes_on(world: RestartScenario) -> None:
    """What the dead one said is what one wants to read."""
    world.kill()
    world.starts_again()
    assert world.log.read_text() == "ready\nready\n"


def test_what_fails_again_and_again_waits_longer_and_shows_its_log(world: RestartScenario) -> None:
    """With the end of its log and what to do."""
    world.code = DIES
    world.kill()
    for _ in range(OFTEN - 1):
        world.fails_again()
    assert [line.partition(" in ")[2].partition(" s.")[0] for line in world.said if "starting it again" in line] == ["1", "2", "4"]
    assert world.said[-1].startswith(f"the part has failed {OFTEN} times in a row")
    assert "no such thing" in world.said[-1]
    assert world.said[-1].endswith("do this")


def test_who_ran_for_long_has_not_failed_before(world: RestartScenario) -> None:
    """A death a day is not one that repeats."""
    for _ in range(OFTEN):
        world.kill()
        world.starts_again()
        world.now += STEADY_S
        assert world.look()
    assert all("in 1 s" in line for line in world.said if "starting it again" in line)


def test_what_does_not_get_ready_is_ended_and_tried_again(world: RestartScenario) -> None:
    """It would be waited for in vain."""
    world.code = HANGS
    world.kill()
    world.now += 1
    world.look()
    hanging = world.part.pid
    world.now += DEADLINE_S + 1
    assert not world.look()
    assert "was not ready after 20 s; starting it again in 2 s" in world.said[-1]
    world.code = SERVES
    world.starts_again()
    assert world.part.pid != hanging


def test_the_deadline_begins_when_the_process_does(tmp_path: Path) -> None:
    """What is done before a process starts is not taken from its time to get ready."""
    now = [0.0]

    def launch(again: bool) -> LaunchedProcess:
        now[0] += DEADLINE_S + 1 if again else 0
        code = HANGS if again else SERVES
        process = ChildProcess("the part", [sys.executable, "-c", code], bare_environment(), tmp_path / "part.log", again=again)
        return LaunchedProcess(process, lambda: "ready" in process.said())

    part, said = SupervisedProcess(launch, DEADLINE_S, lambda: now[0]), list[str]()
    try:
        os.kill(part.pid, signal.SIGKILL)
        _until(lambda: not part.running)
        part.look(said.append)
        now[0] += WAITS_S[0]
        part.look(said.append)
        part.look(said.append)
        assert part.running
        assert len(said) == 1
    finally:
        part.stop()


def test_what_needs_another_waits_for_it(world: RestartScenario) -> None:
    """A listener without its tables would only end again."""
    first = world.part.pid
    world.kill()
    world.now += 60
    assert not world.look(may_start=False)
    assert world.part.pid == first
    world.starts_again()


def test_what_was_told_to_stop_stays_so(world: RestartScenario) -> None:
    """Nobody is surprised by it."""
    world.part.stop()
    world.now += 60
    assert not world.look()
    assert not world.part.running
    assert world.said == []


def test_one_that_does_not_start_at_first_is_an_error(tmp_path: Path) -> None:
    """A start that fails is the person's to see, not to be repeated."""

    def launch(again: bool) -> LaunchedProcess:
        assert not again
        return LaunchedProcess(ChildProcess("the part", [sys.executable, "-c", DIES], bare_environment(), tmp_path / "log"), lambda: False)

    with pytest.raises(StartError, match="no such thing"):
        SupervisedProcess(launch, DEADLINE_S)


def test_waits_grow_to_half_a_minute() -> None:
    """And no further."""
    assert [wait_s(failures) for failures in range(1, 9)] == [1, 2, 4, 8, 16, 30, 30, 30]
