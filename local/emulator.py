"""The AWS emulator (ministack): one process on a port of 127.0.0.1, with its state in a folder of ours.

It enforces the roles of the template (AUTH=true): a function that reaches for what its role does not allow fails here too.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from local import own_ports, state_secrets
from local.bootstrap import ENVIRONMENTS
from local.child_process import POLL_S, ChildProcess, LaunchedProcess, StartError, free_port, is_listening
from local.emulator_guard import PASS_HEADER, gateway_pass
from local.emulator_persistence import SETTLE_PATH, take_lock
from local.ministack_main import SECRET

REGION = "us-east-1"
ACCOUNT = "000000000000"
START_DEADLINE_S = 120
SETTLE_DEADLINE_S = 60
LAST_DEADLINE_S = 30
PYTHON = ENVIRONMENTS["emulator"] / "bin" / "python"


@dataclass(frozen=True)
class Emulator:
    """A running emulator. `account` is both the access key and the account that its holder is root of, `secret` the secret key of all."""

    port: int
    account: str = ACCOUNT
    secret: str = field(default="none", repr=False)

    @property
    def url(self) -> str:
        """Where every AWS service answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What a child process needs to talk to this emulator, and to nothing else, as the account's root."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": self.account,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str) -> Any:
        """A boto3 client for the account's root, which ignores whatever AWS settings the machine has."""
        return _session().client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=self.account,
            aws_secret_access_key=self.secret,
            config=Config(connect_timeout=5, read_timeout=120, retries={"total_max_attempts": 1}),
        )

    def in_account(self, account: str) -> Emulator:
        """The same emulator seen from another account (12 digits): nothing is shared with this one."""
        return replace(self, account=account)

    def settle(self) -> None:
        """Have what the stack is made of written to the state; a start that ends before this leaves nothing. Raises `StartError`."""
        request = urllib.request.Request(self.url + SETTLE_PATH, method="POST", headers=self.gateway_headers)  # noqa: S310 - http
        try:
            urllib.request.urlopen(request, timeout=SETTLE_DEADLINE_S).close()  # noqa: S310
        except OSError as error:
            raise StartError(f"the AWS emulator could not write its state: {error}; see its log") from None

    @property
    def gateway_headers(self) -> dict[str, str]:
        """What a request to the API Gateway shows in place of a signature."""
        return {PASS_HEADER: gateway_pass(self.secret)}


@cache
def _session() -> boto3.Session:
    """A session without the person's profiles: a name in AWS_PROFILE that the machine does not know would be an error."""
    nowhere = (None, None, os.devnull, None)
    variables = {"profile": (None, None, None, None), "config_file": nowhere, "credentials_file": nowhere}
    return boto3.Session(botocore_session=botocore.session.Session(session_vars=variables))


@contextmanager
def running(state: Path, *, enforce_roles: bool = True, persist: bool = True) -> Iterator[Emulator]:
    """Run an emulator on a free port until the block ends; with `persist`, what it holds is read from and written to `state`.

    Raises `StartError`.
    """
    found = locate(state)
    launched = launch(found, state, enforce_roles=enforce_roles, persist=persist)
    try:
        launched.wait(START_DEADLINE_S)
        yield found
    finally:
        launched.process.stop()
        clear(state)


def locate(state: Path) -> Emulator:
    """Return where the emulator of that folder is to be: at the port of last time, if that is free. Raises `StartError`.

    The emulator of a system that was killed ends by itself; it is waited for.
    """
    ends = time.monotonic() + LAST_DEADLINE_S
    while (lock := take_lock(state / "emulator" / "state", wait=False)) is None:
        if time.monotonic() > ends:
            raise StartError(f"the AWS emulator of the last system still runs from {state}, {LAST_DEADLINE_S} s after that one has ended")
        time.sleep(POLL_S)
    lock.close()
    port = _port(state)
    own_ports.forget(state)
    own_ports.add(state, port)
    return Emulator(port, secret=state_secrets.of(state).emulator)


def launch(found: Emulator, state: Path, *, enforce_roles: bool = True, persist: bool = True, again: bool = False) -> LaunchedProcess:
    """Start the emulator's process at `found`. One that is started `again` does not wait until what the last one left is removed."""
    (clear_aside if again else clear)(state)
    environment = _environment(state, found.port, enforce_roles=enforce_roles, persist=persist) | {SECRET: found.secret}
    for name in ("STATE_DIR", "S3_DATA_DIR", "TMPDIR"):
        Path(environment[name]).mkdir(parents=True, exist_ok=True)
    command, log = [str(PYTHON), "-m", "local.ministack_main"], state / "logs" / "emulator.log"
    return LaunchedProcess(ChildProcess("the AWS emulator", command, environment, log, again=again), lambda: _is_ready(found))


def clear(state: Path) -> None:
    """Remove what an emulator that has ended left in its temporary folder: each function's code and libraries, 80 MB each."""
    for left in (state / "emulator").glob("tmp*"):
        shutil.rmtree(left, ignore_errors=True)


def clear_aside(state: Path) -> None:
    """Do the same while an emulator starts: the folders of many functions take minutes to remove. What is left then, `clear` removes."""
    folder = state / "emulator"
    aside = folder / f"tmp-{time.time_ns()}"
    with suppress(FileNotFoundError):
        (folder / "tmp").rename(aside)
    threading.Thread(target=shutil.rmtree, args=(aside,), kwargs={"ignore_errors": True}, name="clear", daemon=True).start()


def _port(state: Path) -> int:
    """The port of last time where that is free: queue URLs, which functions are configured with, name it."""
    note = state / "emulator" / "port"
    if note.exists() and not is_listening(int(note.read_text())):
        return int(note.read_text())
    note.parent.mkdir(parents=True, exist_ok=True)
    port = free_port()
    note.write_text(str(port))
    return port


def _environment(state: Path, port: int, *, enforce_roles: bool, persist: bool) -> dict[str, str]:
    """A clean environment: functions inherit the emulator's, so nothing of the person's shell may be in it."""
    folder = state / "emulator"
    return {
        "PATH": os.defpath,
        "HOME": str(folder),
        "TMPDIR": str(folder / "tmp"),
        "LANG": "C.UTF-8",
        "OWN_PORTS_FILE": str(own_ports.file_in(state)),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "AUTH": "true" if enforce_roles else "false",
        "PERSIST_STATE": "1" if persist else "0",
        "S3_PERSIST": "1" if persist else "0",
        "STATE_DIR": str(folder / "state"),
        "S3_DATA_DIR": str(folder / "s3"),
        "IOT_MTLS_ENABLED": "0",  # these two would listen on fixed ports
        "SFTP_ENABLED": "0",
        "LAMBDA_EXECUTOR": "local",
        "LOG_LEVEL": "INFO",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _is_ready(emulator: Emulator) -> bool:
    request = urllib.request.Request(f"{emulator.url}/_ministack/ready", headers=emulator.gateway_headers)  # noqa: S310 - http
    try:
        with urllib.request.urlopen(request, timeout=2) as response:  # noqa: S310
            return bool(json.load(response))
    except (urllib.error.URLError, OSError, ValueError):
        return False
