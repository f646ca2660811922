"""How a function reaches the worker that owns an account.

One read finds the owner on the account's row (the caller has read it already, with the tenant); the worker's row gives address,
certificate and key. No owner: the least loaded live worker is asked, which claims the account first. It is asked again, elsewhere, only
where nothing can have happened: no connection came about (TLS included: the address may be another process's by now), or the worker said
"not mine". Once bytes were sent the outcome is unknown, and is said to be.
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
"""After "not mine": an idle account that is being handed over has no owner a moment later, and is claimed by whoever is asked next."""


R = TypeVar("R", bound=BaseModel)


class NotConnected(Exception):
    """No connection came about: nothing of the request was sent."""


class _Connection(HTTPSConnection):
    def connect(self) -> None:
        try:
            super().connect()
        except (OSError, HTTPError) as error:  # OSError: TLS's own errors are among them
            raise NotConnected from error


class _Pool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Connection


class OwnerClient:
    """Calls owners; keeps connections to workers open between calls."""

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

        `account` is the row as read with the request. Raises what the command raised; `not_supported` where the worker does not know the
        command or a field of it, and `unavailable` where no live worker can be reached (nothing happened); `outcome_unknown` where the
        connection broke after the request was sent.
        """
        body, deadline_s = body_of(tenant_id, channel, command), self._deadline_s or command.deadline_s + ANSWER_S
        avoid: set[WorkerId] = set()
        for attempt in range(TRIES):
            if attempt:
                account = self._accounts.get(tenant_id, channel)
            worker, pool = self._owner_of(account, avoid)
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
        """Ask the owner of the row, and nobody else, what changes nothing; None where there is none, or it does not answer in time.

        A worker that has not answered is looked up again the next time: it may be dead by then.
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

    def _owner_of(self, account: Account | None, avoid: set[WorkerId]) -> tuple[Worker, urllib3.HTTPSConnectionPool]:
        owner = account.owner if account else None
        if owner in self._pools and owner not in avoid:
            return self._pools[owner]
        row = self._workers.get(owner) if owner and owner != NOBODY else None
        if row is None or row.state.over:
            row = min(
                (other for other in self._workers.all() if _takes(other) and other.id not in avoid),
                key=_load,
                default=None,
            )
        elif row.id in avoid or row.state is WorkerState.UNKNOWN:
            raise _unavailable()  # it refused, or only a later version knows what it does: its own death alone frees the account
        if row is None:
            raise _unavailable()
        return self._pool(row)

    def _pool(self, worker: Worker) -> tuple[Worker, urllib3.HTTPSConnectionPool]:
        """Keep one pool per worker: a worker id is one process start, so what its row says of it never changes."""
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
        if request := request_id.current():  # so that the worker's log names it too
            headers[request_id.HEADER] = request
        timeout = urllib3.Timeout(connect=min(self._connect_s, left_s / 2), total=left_s)
        return pool.request("POST", f"/{path}", body=body, headers=headers, timeout=timeout, retries=False).data


def _takes(worker: Worker) -> bool:
    return worker.state is WorkerState.LIVE and not worker.draining


def _load(worker: Worker) -> tuple[int, str]:
    return worker.accounts, worker.id


def _unavailable() -> AvioError:
    detail = (
        "No listener answers for the account: none runs, or the account is just being taken over. Nothing was done. Try again shortly; "
        "where this lasts, have your operator see that a listener runs (`avio workers`)."
    )
    return AvioError(Code.UNAVAILABLE, detail, retry_after_s=RETRY_AFTER_S)
