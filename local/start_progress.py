"""What a person sees while the system starts: one line per step, with the time it took."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Progress = Callable[[str], AbstractContextManager[None]]

WIDTH = 34


@contextmanager
def spoken(step: str) -> Iterator[None]:
    """Print the step when it begins, and its time when it is done."""
    started = time.monotonic()
    sys.stderr.write(f"  {step} ".ljust(WIDTH, "."))
    sys.stderr.flush()
    try:
        yield
    except KeyboardInterrupt:  # whoever asked for it says so
        raise
    except BaseException:
        sys.stderr.write(" failed\n")
        raise
    sys.stderr.write(f" {time.monotonic() - started:.1f} s\n")


@contextmanager
def silent(step: str) -> Iterator[None]:
    """Say nothing: for tests and measurements."""
    del step
    yield
