"""Runs operations of one account on its connection, and again on the next connection if that one breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from telethon.errors import RPCError

from listener.core.runtime.backoff import back_off_s
from listener.core.runtime.signals import Signal
from listener.telegram.connection.client import Client
from listener.telegram.peers.peer_cache import PeerCache
from listener.telegram.requests.answers import Answers, AskingClient, Invoker
from listener.telegram.requests.error_table import READING
from listener.telegram.requests.errors import translate
from shared.errors import AvioError, Code
from shared.model.ids import TenantId

DEADLINE_S = 20.0
R = TypeVar("R")


@dataclass(frozen=True)
class Connected:
    """An account with a connection, as an operation uses it."""

    client: Invoker
    peers: PeerCache
    self_id: int


@dataclass(frozen=True)
class ConnectedAccount(Connected):
    """The same, with whose account it is."""

    tenant_id: TenantId


@dataclass(frozen=True)
class Operation(Generic[R]):
    """Something to be done at Telegram that may be done twice: reading, or bringing something into a state.

    `run` raises AvioError, Telethon's errors, ConnectionError or TimeoutError. `changes` says that a frozen account may not do it. What
    changes nothing gets Telegram's answers through `listener/telegram/requests/answers.py`.
    """

    run: Callable[[ConnectedAccount], Awaitable[R]]
    changes: bool = True


class Performer(Protocol):
    """An account that runs operations."""

    async def perform(self, operation: Operation[R]) -> R:
        """Run an operation; raise AvioError."""


class OperationRunner:
    """Knows the account's present connection. `waiting` is set while an operation waits for its end; `answers` are those of reading."""

    def __init__(self, answers: Answers | None = None) -> None:
        self.answers = answers or Answers()
        self.up = Signal()
        self.waiting = Signal()
        self.client: Client | None = None
        self._running = 0

    def connected(self, client: Client) -> None:
        """Let operations run on a new connection."""
        self.client = client
        self.up.set()

    def disconnected(self) -> None:
        """Let operations wait for the next connection. What happens meanwhile is not known here."""
        self.answers.forget()
        self.client = None
        self.up.clear()

    async def run(self, attempt: Callable[[Client], Awaitable[R]]) -> R:
        """Make attempts until one succeeds or fails for good; return its result.

        Tries again if the connection breaks, or if Telegram does not answer or reports a fault of its own. Raises TimeoutError at the
        deadline, and the attempt's error if it is any other.
        """
        failures = 0
        self._running += 1
        self.waiting.set()
        try:
            async with asyncio.timeout(DEADLINE_S):
                while True:
                    await self.up.wait()
                    client = self.client
                    assert client is not None
                    try:
                        return await attempt(client)
                    except ConnectionError:
                        if client is self.client:
                            self.up.clear()  # the connection is ending; the connection loop makes the next
                    except TimeoutError:
                        pass  # the wait for Telegram's answer was the pause before the next attempt
                    except AvioError as error:
                        if error.code is not Code.TELEGRAM_UNAVAILABLE:
                            raise
                        failures += 1
                        await asyncio.sleep(back_off_s(failures))
        finally:
            self._running -= 1
            if not self._running:
                self.waiting.clear()

    async def perform(self, operation: Operation[R], peers: PeerCache, self_id: int, tenant_id: TenantId) -> R:
        """Run an operation; raise its AvioError, or `telegram_unavailable` at the deadline: it may safely be asked for again."""

        async def attempt(client: Client) -> R:
            connected = ConnectedAccount(client, peers, self_id, tenant_id)
            if operation.changes:
                return await self._change(operation, connected)
            try:
                return await operation.run(replace(connected, client=AskingClient(client, self.answers)))
            except RPCError as error:
                raise translate(error, READING) from error

        try:
            return await self.run(attempt)
        except TimeoutError:
            raise AvioError(Code.TELEGRAM_UNAVAILABLE) from None

    async def _change(self, operation: Operation[R], connected: ConnectedAccount) -> R:
        try:
            return await operation.run(connected)
        except RPCError as error:
            raise translate(error) from error
        finally:
            self.answers.forget()
