"""A child process that answers its parent's questions: JSON both ways, over a socket in the run's folder."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from multiprocessing.connection import Client, Connection, Listener
from typing import Any

from benchmarks.environment import BenchmarkEnvironment
from local.child_process import ChildProcess, StartError

START_DEADLINE_S = 120
ANSWER_DEADLINE_S = 120


class ChildModule:
    """`python -m MODULE SOCKET` as its parent sees it. A context manager; one asker at a time."""

    def __init__(self, environment: BenchmarkEnvironment, name: str, module: str, variables: Mapping[str, str]) -> None:
        self._socket = environment.folder / f"{name}.socket"
        log = environment.folder / "logs" / f"{name}.log"
        self.process = ChildProcess(f"the {name}", [sys.executable, "-m", module, str(self._socket)], variables, log)
        self._connection: Connection[Any, Any] | None = None

    def __enter__(self) -> ChildModule:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection:
            self._connection.close()
        self.process.stop()

    def ask(self, question: Any) -> Any:
        """Return the answer; raises StartError if the process ended, and TimeoutError if it takes too long."""
        if self._connection is None:
            self.process.wait_until(self._connects, START_DEADLINE_S)
        assert self._connection
        try:
            self._connection.send_bytes(json.dumps(question).encode())
            if not self._connection.poll(ANSWER_DEADLINE_S):
                raise TimeoutError(f"{self.process.name}: no answer after {ANSWER_DEADLINE_S} s")
            return json.loads(self._connection.recv_bytes())
        except (EOFError, ConnectionError) as error:
            raise StartError(f"{self.process.name} ended:\n{self.process.log_tail()}") from error

    @property
    def logged_bytes(self) -> int:
        """How much it has written to its log."""
        return self.process.log.stat().st_size

    def _connects(self) -> bool:
        try:
            self._connection = Client(str(self._socket), "AF_UNIX")
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True


def answer_all(socket: str, answer: Callable[[Any], Any]) -> None:
    """Answer question after question, until the parent leaves."""
    with Listener(socket, "AF_UNIX") as listener, listener.accept() as connection:
        while True:
            try:
                question = json.loads(connection.recv_bytes())
            except EOFError:
                return
            connection.send_bytes(json.dumps(answer(question)).encode())
