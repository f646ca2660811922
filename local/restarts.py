"""Parts that are started again when they end, as Fargate and Lambda would: after waits that grow, and with a line that says so.

runs --ends--> waits (1, 2, 4 .. 30 s) --> starts --ready--> runs
                 ^----- ends, or is not ready in time -----'
"""

from __future__ import annotations

import time
from collections.abc import Callable

from local.child_process import ChildProcess, LaunchedProcess

WAITS_S = (1, 2, 4, 8, 16, 30)
STEADY_S = 60.0  # whoever ran for so long has not failed before
OFTEN = 3
START_DEADLINE_S = 120.0
NEXT_STEP = "    If it goes on: end this by Ctrl-C and start again. `rm -r {state}` begins anew, without what was made."

Say = Callable[[str], None]


def wait_s(failures: int) -> float:
    """Return how long to wait after so many failures in a row (1 or more), in seconds."""
    return WAITS_S[min(failures, len(WAITS_S)) - 1]


class SupervisedProcess:
    """One part of the system. `launch` starts its process, and is told whether it is one more. Raises `StartError`.

    `look` never blocks for longer than it takes to ask whether the part is ready, so call it every second or so.
    """

    def __init__(
        self, launch: Callable[[bool], LaunchedProcess], deadline_s: float = START_DEADLINE_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._launch, self._deadline_s, self._clock = launch, deadline_s, clock
        self._failures = 0
        self._due: float | None = None
        self._told_to_stop = False
        self._launched = launch(False)
        try:
            self._launched.wait(deadline_s)
        except BaseException:
            self.stop()
            raise
        self._began, self._is_up = clock(), True

    @property
    def process(self) -> ChildProcess:
        """The process of now, or the last one."""
        return self._launched.process

    @property
    def name(self) -> str:
        """What people call it."""
        return self.process.name

    @property
    def pid(self) -> int:
        """The id of the process of now, or of the last one."""
        return self.process.pid

    @property
    def running(self) -> bool:
        """Whether it has a process that has not ended."""
        return self.process.running

    @property
    def exit_code(self) -> int | None:
        """With what its process ended; None while it runs."""
        return self.process.exit_code

    def stop(self) -> None:
        """End it for good. Safe to call twice."""
        self._told_to_stop = True
        self.process.stop()

    def look(self, say: Say, next_step: str = "", *, may_start: bool = True) -> bool:
        """Start it again when it has ended and its wait is over; `may_start` says that what it needs is there. Return whether it works."""
        if self._told_to_stop:
            return False
        now = self._clock()
        if self._due is not None:
            if may_start and now >= self._due:
                self._start_again(say, now, next_step)
        elif not self.running:
            self._has_failed(say, now, f"ended ({self.process.ending})", next_step)
        elif not self._is_up:
            self._look_whether_it_is_up(say, now, next_step)
        elif now - self._began >= STEADY_S:
            self._failures = 0
        return self._is_up

    def _start_again(self, say: Say, now: float, next_step: str) -> None:
        try:
            self._launched = self._launch(True)
        except OSError as error:
            self._has_failed(say, now, f"cannot be started ({error.strerror})", next_step)
        else:
            self._due, self._began = None, self._clock()  # launching may have taken its time

    def _look_whether_it_is_up(self, say: Say, now: float, next_step: str) -> None:
        if self._launched.is_ready():
            self._is_up, self._began = True, now
            say(f"{self.name} runs again")
        elif now - self._began > self._deadline_s:
            self.process.stop()
            self._has_failed(say, now, f"was not ready after {self._deadline_s:.0f} s", next_step)

    def _has_failed(self, say: Say, now: float, how: str, next_step: str) -> None:
        self._is_up = False
        self._failures += 1
        wait = wait_s(self._failures)
        self._due = now + wait
        say(f"{self.name} {how}; starting it again in {wait:.0f} s. Its log: {self.process.log}")
        if self._failures >= OFTEN:
            tail = f"{self.process.log_tail()}\n{next_step}".rstrip()
            say(f"{self.name} has failed {self._failures} times in a row. The end of its log:\n{tail}")
