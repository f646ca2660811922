"""Keeps what ministack holds (see `emulator_state`): by itself it saves when it is told to stop, and loses all when it is killed.

Here each write is in a file before it is answered, and nothing is left to do at the end. Runs in the emulator's environment.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Awaitable, Callable, MutableMapping
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from local.emulator_state import EmulatorState

SETTLE_PATH = "/_ministack/settle"
LOCK = ".lock"

held: list[Any] = []  # until the process ends

Handler = Callable[..., Awaitable[Any]]
Application = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]


def keep_state() -> None:
    """Have the emulator begin with what was kept, and keep each write before it is answered."""
    persistence: Any = import_module("ministack.core.persistence")
    held.append(take_lock(Path(persistence.STATE_DIR)))
    state = EmulatorState(Path(persistence.STATE_DIR), persistence._json_default, persistence._json_object_hook)
    before = persistence.load_state  # files that ministack itself wrote, as it did here once
    if not state.settled and not any(Path(persistence.STATE_DIR).glob("*.json")):
        shutil.rmtree(os.environ["S3_DATA_DIR"], ignore_errors=True)  # objects of a start that never was through
    persistence.load_state = lambda name: state.load(name) if state.settled else before(name)
    persistence.save_all = lambda services: None
    _keep_items(state)
    _keep_messages(state)
    _keep_sessions(state)
    app: Any = import_module("ministack.app")  # it takes both functions from `persistence` while it is imported
    app.app = _settling(app.app, lambda: state.settle(app._build_persistence_save_dict()))


def take_lock(folder: Path, *, wait: bool = True) -> IO[str] | None:
    """Take the state for this process alone, until it ends or closes what is returned; None where another has it and `wait` is False.

    An emulator whose parent was killed may take some seconds to end, and what it still writes must not come after the next one has read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / LOCK).open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        file.close()
        return None
    return file


def _keep_items(state: EmulatorState) -> None:
    dynamodb: Any = import_module("ministack.services.dynamodb")
    set_item, remove_item, replaced = dynamodb._set_item, dynamodb._remove_item, dynamodb._items_replaced

    def set_and_note(table: Any, pk: str, sk: str, item: Any) -> Any:
        state.note_item(table, pk, sk)
        return set_item(table, pk, sk, item)

    def remove_and_note(table: Any, pk: str, sk: str) -> Any:
        state.note_item(table, pk, sk)
        return remove_item(table, pk, sk)

    def replaced_and_written(table: Any) -> None:
        replaced(table)
        state.write_table(table)

    dynamodb._set_item, dynamodb._remove_item, dynamodb._items_replaced = set_and_note, remove_and_note, replaced_and_written
    dynamodb.handle_request = _then(dynamodb.handle_request, state.write_items)


def _keep_messages(state: EmulatorState) -> None:
    sqs: Any = import_module("ministack.services.sqs")
    send, receive, delete = sqs._act_send_message, sqs._receive_messages_for_esm, sqs._delete_messages_for_esm

    def write() -> None:
        state.write_queues(list(sqs._queues._data.values()))

    def send_alone(*given: Any) -> Any:
        with sqs._queues_lock:  # the mapping's thread replaces the list of messages: one that is added meanwhile would be lost
            return send(*given)

    def received_and_written(*given: Any) -> Any:
        taken = receive(*given)
        write()
        return taken

    def deleted_and_written(*given: Any) -> None:
        delete(*given)
        write()

    sqs._act_send_message = sqs._HANDLERS["SendMessage"] = send_alone
    sqs._receive_messages_for_esm, sqs._delete_messages_for_esm = received_and_written, deleted_and_written
    sqs.handle_request = _then(sqs.handle_request, write)


def _keep_sessions(state: EmulatorState) -> None:
    """Roles that were assumed stay assumed: who holds one of their keys, as the listener does, goes on when the emulator comes again."""
    sts: Any = import_module("ministack.services.sts")
    sts.get_state = lambda: dict(sts._sessions)
    sts.load_persisted_state = sts._sessions.update
    sts.handle_request = _then(sts.handle_request, lambda: state.write_service("sts", sts.get_state()))


def _then(handle: Handler, write: Callable[[], None]) -> Handler:
    """Handle a request, and write what it changed before it is answered."""

    @wraps(handle)
    async def handle_and_write(*given: Any, **named: Any) -> Any:
        try:
            return await handle(*given, **named)
        finally:
            write()

    return handle_and_write


def _settling(app: Application, settle: Callable[[], None]) -> Application:
    """Answer one more path: POST there writes everything as it is now."""

    async def answer(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http" or (scope["method"], scope["path"]) != ("POST", SETTLE_PATH):
            return await app(scope, receive, send)
        settle()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})
        return None

    return answer
