"""Programs on threads of their own that take turns: one call to DynamoDB at a time, in an order that a test decides."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from shared.store.table import Table
from testing.fake_aws.client import InProcessClient
from testing.fake_aws.dynamodb import STATE, FakeDynamoDb
from testing.fake_aws.service import Answer, Request

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

Choose = Callable[[Sequence[str]], str]
"""Returns which of the programs that still run takes the next turn."""


class _Turn:
    """One program: it waits before each of its calls until it is let on."""

    def __init__(self, dynamodb: FakeDynamoDb, program: Callable[[Any], None]) -> None:
        self._dynamodb = dynamodb
        self._on, self._waits = threading.Semaphore(0), threading.Semaphore(0)
        self._fault: BaseException | None = None
        self.over = False
        self._thread = threading.Thread(target=self._run, args=(program,), daemon=True)
        self._thread.start()

    def take(self) -> None:
        """Let the program make one call, and run until its next one or its end; raises what it raises."""
        self._on.release()
        self._waits.acquire()
        if self._fault:
            raise self._fault

    def _run(self, program: Callable[[Any], None]) -> None:
        self._on.acquire()
        try:
            program(InProcessClient(self._answer))
        except BaseException as fault:  # raised where the turn was given
            self._fault = fault
        self.over = True
        self._waits.release()

    def _answer(self, operation: str, request: Request) -> Answer:
        self._waits.release()
        self._on.acquire()
        return _one_write(self._dynamodb, request) if operation == "BatchWriteItem" else self._dynamodb.answer(operation, request)


def _one_write(dynamodb: FakeDynamoDb, request: Request) -> Answer:
    """Take the first write of a batch and refuse the others, as DynamoDB may: it takes a batch in any order, and in parts."""
    [(table, writes)] = request["RequestItems"].items()
    dynamodb.answer("BatchWriteItem", {"RequestItems": {table: writes[:1]}})
    return {"UnprocessedItems": {table: writes[1:]} if writes[1:] else {}}


def take_turns(dynamodb: FakeDynamoDb, programs: Mapping[str, Callable[[Any], None]], choose: Choose, check: Callable[[], None]) -> None:
    """Run programs, each called with a client of its own, until all have ended; `check` runs after each call."""
    turns = {name: _Turn(dynamodb, program) for name, program in programs.items()}
    while running := [name for name, turn in turns.items() if not turn.over]:
        turns[choose(running)].take()
        check()


def table_over(client: Any) -> Table:
    """Return table `avio` as seen through a client."""
    return Table(cast("DynamoDBClient", client), STATE)
