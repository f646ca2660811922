"""The AWS emulator (ministack): one process on a port of 127.0.0.1, with its state in a folder of ours.

It enforces the roles of the template (AUTH=true): a function that reaches for what its role does not allow fails here too.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from local import own_ports
from local.bootstrap import ENVIRONMENTS
from local.processes import Process, free_port, is_listening

REGION = "us-east-1"
ACCOUNT = "000000000000"
START_DEADLINE_S = 120
PYTHON = ENVIRONMENTS["emulator"] / "bin" / "python"


@dataclass(frozen=True)
class Emulator:
    """A running emulator. `account` is both the access key and the account that its holder is root of."""

    port: int
    account: str = ACCOUNT

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
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str) -> Any:
        """A boto3 client for the account's root, which ignores whatever AWS settings the machine has."""
        return _session().client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=self.account,
            aws_secret_access_key="test",  # noqa: S106 - the emulator wants one, any
            config=Config(connect_timeout=5, read_timeout=120, retries={"total_max_attempts": 1}),
        )

    def in_account(self, account: str) -> Emulator:
        """The same emulator seen from another account (12 digits): nothing is shared with this one."""
        return Emulator(self.port, account)


@cache
def _session() -> boto3.Session:
    """A session without the person's profiles: a name in AWS_PROFILE that the machine does not know would be an error."""
    nowhere = (None, None, os.devnull, None)
    variables = {"profile": (None, None, None, None), "config_file": nowhere, "credentials_file": nowhere}
    return boto3.Session(botocore_session=botocore.session.Session(session_vars=variables))


@contextmanager
def running(state: Path, *, enforce_roles: bool = True, persist: bool = True) -> Iterator[Emulator]:
    """Run an emulator on a free port until the block ends; with `persist`, what it holds is read from and saved to `state`.

    Raises `StartError`.
    """
    port = _port(state)
    own_ports.forget(state)
    own_ports.add(state, port)
    environment = _environment(state, port, enforce_roles=enforce_roles, persist=persist)
    for name in ("STATE_DIR", "S3_DATA_DIR", "TMPDIR"):
        Path(environment[name]).mkdir(parents=True, exist_ok=True)
    with Process("the AWS emulator", [str(PYTHON), "-m", "local.ministack_main"], environment, state / "logs" / "emulator.log") as process:
        process.wait_until(lambda: _is_ready(port), START_DEADLINE_S)
        yield Emulator(port)


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


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_ministack/ready", timeout=2) as response:
            return bool(json.load(response))
    except (urllib.error.URLError, OSError, ValueError):
        return False
