"""The AWS emulator (ministack): a process on a port of 127.0.0.1, with its state in our folder.

It enforces the roles of the template (AUTH=true), so that a call that a role does not allow fails here too.
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
from local.emulator_guard import PASS_HEADER, gateway_pass, starting_pass
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
    """A running emulator. `account` is an account id, and the access key of its root. `secret` is the secret key of all accounts."""

    port: int
    account: str = ACCOUNT
    secret: str = field(default="none", repr=False)

    @property
    def url(self) -> str:
        """The endpoint of all AWS services."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which a child process uses this emulator, and no other AWS, as the account's root."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": self.account,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str) -> Any:
        """Return a boto3 client for the account's root. It ignores the AWS settings of the machine."""
        return self.client_of(_session(), service, aws_access_key_id=self.account, aws_secret_access_key=self.secret)

    def client_of(self, session: boto3.Session, service: str, **credentials: str) -> Any:
        """Return a session's client, with the credentials of that session unless others are given."""
        signing = {"signature_version": "s3v4"} if service == "s3" else {}  # as our own clients sign addresses
        config = Config(connect_timeout=5, read_timeout=120, retries={"total_max_attempts": 1}, **signing)  # type: ignore[arg-type]
        return session.client(service, endpoint_url=self.url, region_name=REGION, config=config, **credentials)  # type: ignore[call-overload]

    def in_account(self, account: str) -> Emulator:
        """Return the emulator as another account (12 digits), which shares no resources with this account."""
        return replace(self, account=account)

    def settle(self) -> None:
        """Have the emulator write the stack's resources to its state. A start that ends earlier leaves no state. Raises `StartError`."""
        request = urllib.request.Request(self.url + SETTLE_PATH, method="POST", headers=self.starting_headers)  # noqa: S310 - http
        try:
            urllib.request.urlopen(request, timeout=SETTLE_DEADLINE_S).close()  # noqa: S310
        except OSError as error:
            raise StartError(f"the AWS emulator could not write its state: {error}; see its log") from None

    @property
    def gateway_headers(self) -> dict[str, str]:
        """The headers that authorize a request to the API Gateway in the place of a signature."""
        return {PASS_HEADER: gateway_pass(self.secret)}

    @property
    def starting_headers(self) -> dict[str, str]:
        """The headers that authorize the requests of a start: is it ready, and write the state."""
        return {PASS_HEADER: starting_pass(self.secret)}


@cache
def _session() -> boto3.Session:
    return new_session()


def new_session(**credentials: str) -> boto3.Session:
    """Return a session without the user's profiles: an unknown name in AWS_PROFILE would be an error."""
    nowhere = (None, None, os.devnull, None)
    variables = {"profile": (None, None, None, None), "config_file": nowhere, "credentials_file": nowhere}
    return boto3.Session(botocore_session=botocore.session.Session(session_vars=variables), **credentials)


@contextmanager
def running(state: Path, *, enforce_roles: bool = True, persist: bool = True) -> Iterator[Emulator]:
    """Run an emulator on a free port until the block ends. With `persist`, it reads its resources from `state` and writes them there.

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
    """Return the address for the emulator of a folder: at the port of last time, if that is free. Raises `StartError`.

    The emulator of a killed system ends by itself. This waits for that.
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
    """Start the emulator's process at `found`. With `again`, the files of its predecessor are removed in the background."""
    (clear_aside if again else clear)(state)
    environment = _environment(state, found.port, enforce_roles=enforce_roles, persist=persist) | {SECRET: found.secret}
    for name in ("STATE_DIR", "S3_DATA_DIR", "TMPDIR"):
        Path(environment[name]).mkdir(parents=True, exist_ok=True)
    command, log = [str(PYTHON), "-m", "local.ministack_main"], state / "logs" / "emulator.log"
    return LaunchedProcess(ChildProcess("the AWS emulator", command, environment, log, again=again), lambda: _is_ready(found))


def clear(state: Path) -> None:
    """Remove the temporary files of an emulator that has ended: the code and libraries of each function, 80 MB each."""
    for left in (state / "emulator").glob("tmp*"):
        shutil.rmtree(left, ignore_errors=True)


def clear_aside(state: Path) -> None:
    """Do the same in the background: the folders of many functions take minutes to remove. `clear` removes the rest later."""
    folder = state / "emulator"
    aside = folder / f"tmp-{time.time_ns()}"
    with suppress(FileNotFoundError):
        (folder / "tmp").rename(aside)
    threading.Thread(target=shutil.rmtree, args=(aside,), kwargs={"ignore_errors": True}, name="clear", daemon=True).start()


def _port(state: Path) -> int:
    """Return the port of last time, if it is free, else a new one. Functions have queue URLs with the port in their configuration."""
    note = state / "emulator" / "port"
    if note.exists() and not is_listening(int(note.read_text())):
        return int(note.read_text())
    note.parent.mkdir(parents=True, exist_ok=True)
    port = free_port()
    note.write_text(str(port))
    return port


def _environment(state: Path, port: int, *, enforce_roles: bool, persist: bool) -> dict[str, str]:
    """Return the emulator's environment, without the variables of the user's shell: functions inherit it."""
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
    request = urllib.request.Request(f"{emulator.url}/_ministack/ready", headers=emulator.starting_headers)  # noqa: S310 - http
    try:
        with urllib.request.urlopen(request, timeout=2) as response:  # noqa: S310
            return bool(json.load(response))
    except (urllib.error.URLError, OSError, ValueError):
        return False
