"""The client with which a function calls the worker that owns an account.

The account's row names the owner; the caller has read this row already, with the tenant. The worker's row has its address, certificate and
key. If the account has no owner, the client calls the least loaded live worker, which claims the account first.

The client tries again, at another worker, only if nothing was done: there was no connection (TLS included: another process may have the
address by now), or the worker answered "not mine". Once bytes were sent, the outcome is unknown, and the error says so.
"""

from __future__ import annotations

import ssl
import time
from typing import TypeVar

import urllib3
from pydantic import BaseModel
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import HTTPError

from shared import request_id
from shared.errors import AvioError, Code
from shared.model.account import Account
from shared.model.ids import NOBODY, Channel, TenantId, WorkerId
from shared.model.worker import Worker, WorkerState
from shared.rpc.command import Command
from shared.rpc.wire import body_of, path_of, read_answer
from shared.store.accounts import AccountStore
from shared.store.workers import WorkerStore

TRIES = 3
RETRY_AFTER_S = 5
ANSWER_S = 1.0  # on top of the command's own deadline, so that an answer always comes from the listener
CONNECT_S = 2.0
NOT_MINE_PAUSES_S = (0.2, 0.8, 0.0)
"""Pauses after "not mine". An idle account that is being handed over has no owner a moment later, and the next worker claims it."""


R = TypeVar("R", bound=BaseModel)


class NotConnected(Exception):
    """There was no connection, so no part of the request was sent."""


class _Connection(HTTPSConnection):
    def connect(self) -> None:
        try:
            super().connect()
        except (OSError, HTTPError) as error:  # TLS errors are OSErrors
            raise NotConnected from error


class _Pool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Connection


class OwnerClient:
    """Calls owners. It keeps connections to workers open between calls."""

    def __init__(
        self, accounts: AccountStore, workers: WorkerStore, *, deadline_s: float | None = None, connect_s: float = CONNECT_S
    ) -> None:
        self._accounts = accounts
        self._workers = workers
        self._deadline_s = deadline_s
        self._connect_s = connect_s
        self._pools: dict[WorkerId, tuple[Worker, urllib3.HTTPSConnectionPool]] = {}

    def call(self, tenant_id: TenantId, channel: Channel, account: Account | None, command: Command[R]) -> R:
        """Have the owner run a command and return its result.

        `account` is the row as read with the request. Raises the command's error; `not_supported` if the worker does not know the command
        or a field of it; `unavailable` if no live worker can be reached (nothing was done); `outcome_unknown` if the connection broke
        after the request was sent.
        """
        body, deadline_s = body_of(tenant_id, channel, command), self._deadline_s or command.deadline_s + ANSWER_S
        avoid: set[WorkerId] = set()
        for attempt in range(TRIES):
            if attempt:
                account = self._accounts.get(tenant_id, channel)
            worker, pool = self._owner_of(channel, account, avoid)
            try:
                content = self._post(worker, pool, path_of(command), body, deadline_s - attempt * self._connect_s)
            except NotConnected:
                self._pools.pop(worker.id, None)
                avoid.add(worker.id)
                continue
            except HTTPError as error:
                raise AvioError(Code.OUTCOME_UNKNOWN) from error
            try:
                return read_answer(command, content)
            except AvioError as error:
                if error.code is not Code.NOT_MINE:
                    raise
            time.sleep(NOT_MINE_PAUSES_S[attempt])
        raise _unavailable()

    def ask(self, account: Account, command: Command[R], deadline_s: float) -> R | None:
        """Send a read-only command to the owner in the row; None if there is no owner, or it does not answer in time.

        No other worker is asked. The row of a worker that did not answer is read again at the next call: it may be dead by then.
        """
        worker = self._live_owner(account.owner)
        if worker is None:
            return None
        try:
            content = self._post(*worker, path_of(command), body_of(account.tenant_id, account.channel, command), deadline_s)
            return read_answer(command, content)
        except AvioError:
            return None
        except (NotConnected, HTTPError):
            self._pools.pop(worker[0].id, None)
            return None

    def close(self) -> None:
        """Close the connections that are kept open."""
        for _, pool in self._pools.values():
            pool.close()
        self._pools.clear()

    def _live_owner(self, owner: WorkerId | None) -> tuple[Worker, urllib3.HTTPSConnectionPool] | None:
        if owner is None or owner == NOBODY or owner in self._pools:
            return self._pools.get(owner) if owner else None
        row = self._workers.get(owner)
        return self._pool(row) if row and row.state is WorkerState.LIVE else None

    def _owner_of(self, channel: Channel, account: Account | None, avoid: set[WorkerId]) -> tuple[Worker, urllib3.HTTPSConnectionPool]:
        owner = account.owner if account else None
        if owner in self._pools and owner not in avoid:
            return self._pools[owner]
        row = self._workers.get(owner) if owner and owner != NOBODY else None
        if row is None or row.state.over:
            row = min(
                (other for other in self._workers.all() if _serves(other, channel) and other.id not in avoid),
                key=lambda other: (other.load(channel), other.id),
                default=None,
            )
        elif row.id in avoid or row.state is WorkerState.UNKNOWN:
            raise _unavailable()  # it refused, or a later version wrote its state: the account is free only when that worker is over
        if row is None:
            raise _unavailable()
        return self._pool(row)

    def _pool(self, worker: Worker) -> tuple[Worker, urllib3.HTTPSConnectionPool]:
        """Return the worker's pool. A worker id is one start of a process, so its address and certificate never change."""
        if worker.id not in self._pools:
            if len(self._pools) >= 16:
                self._pools.pop(next(iter(self._pools)))[1].close()
            trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            trust.check_hostname = False  # the one certificate trusted is this worker's own, from its row
            trust.load_verify_locations(cadata=worker.certificate)
            host, port = worker.address.rsplit(":", 1)
            pool = _Pool(host, int(port), ssl_context=trust, assert_hostname=False, maxsize=8, retries=False)
            self._pools[worker.id] = (worker, pool)
        return self._pools[worker.id]

    def _post(self, worker: Worker, pool: urllib3.HTTPSConnectionPool, path: str, body: bytes, left_s: float) -> bytes:
        headers = {"Content-Type": "application/json", "X-Admin-Token": worker.rpc_key.get_secret_value()}
        if request := request_id.current():  # for the worker's log
            headers[request_id.HEADER] = request
        timeout = urllib3.Timeout(connect=min(self._connect_s, left_s / 2), total=left_s)
        return pool.request("POST", f"/{path}", body=body, headers=headers, timeout=timeout, retries=False).data


def _serves(worker: Worker, channel: Channel) -> bool:
    return worker.takes_accounts and channel in worker.channels


def _unavailable() -> AvioError:
    detail = (
        "No listener answers for the account: none runs, or the account is just being taken over. Nothing was done. Try again shortly; "
        "where this lasts, have your operator see that a listener runs (`avio workers`)."
    )
    return AvioError(Code.UNAVAILABLE, detail, retry_after_s=RETRY_AFTER_S)
