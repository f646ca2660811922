"""What a newcomer finds after `make up`: a demo tenant, and two test people with phones.

The tenant's key and signing secret are shown by the API once, so they are kept in <state>/demo.json, for the person alone (0600).
Planting twice changes nothing: the same tenant, the same key, the same people.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError, field_serializer

from infra_cdk.settings import from_environment
from local.child_process import StartError
from local.system import System
from testing.telegram_server.control_client import ControlClient, ControlRefusedError

NAME = "Demo"
RECEIVER = "/dev/callback-receiver"
TIMEOUT_S = 60  # a function's first call starts its process


@dataclass(frozen=True)
class TestPerson:
    """Somebody at the test server. `phone` is one of those that Telegram gives to nobody: +99966 is for its own tests."""

    phone: str
    first_name: str
    username: str
    password: str | None = None

    def ensure(self, control: ControlClient) -> dict[str, Any]:
        """Make the person, or return them as they are."""
        more = {"first_name": self.first_name, "username": self.username, "password": self.password}
        try:
            return control.create_person(self.phone, **more)
        except ControlRefusedError as error:
            if error.code != "phone_taken":
                raise
            return control.person(self.phone)


ANNA = TestPerson("+9996610001", "Anna", "anna", password="sunflower")  # noqa: S106  a test person's
ALICE = TestPerson("+9996610002", "Alice", "alice")
PEOPLE = (ANNA, ALICE)


class DemoTenant(BaseModel):
    """The demo tenant, as it is kept."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    number: int
    key: SecretStr
    signing_secret: SecretStr

    @field_serializer("key", "signing_secret", when_used="json")
    def _in_clear(self, secret: SecretStr) -> str:
        return secret.get_secret_value()

    @property
    def headers(self) -> dict[str, str]:
        """What the API wants to see of this tenant."""
        return {"Authorization": f"Bearer {self.key.get_secret_value()}"}


@dataclass(frozen=True)
class Seed:
    """What was planted. `receives` is false where the development receiver is switched off."""

    tenant: DemoTenant
    receives: bool
    logged_in: bool


def plant(system: System, url: str) -> Seed:
    """Make what is missing. `url` is the front that callbacks are to come to. Raises `StartError` where the API does not let us."""
    receives = from_environment("local", system.plan.settings).dev_callback_receiver == "1"
    callback = url + RECEIVER if receives else None
    if system.telegram:
        with ControlClient(system.telegram.control_url) as control:
            for person in PEOPLE:
                person.ensure(control)
    with httpx.Client(base_url=system.url, timeout=TIMEOUT_S, trust_env=False) as api:
        tenant = _kept(api, system.plan.state, callback) or _made(api, system, callback)
        status = _warm(api, tenant)
    return Seed(tenant, receives, bool(status.get("authorized")))


def _path(state: Path) -> Path:
    return state / "demo.json"


def _kept(api: httpx.Client, state: Path, callback: str | None) -> DemoTenant | None:
    """Return the tenant of last time where it is still there; its callback follows when the port has moved."""
    try:
        tenant = DemoTenant.model_validate_json(_path(state).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    answer = api.get(f"/tenants/{tenant.id}", headers=tenant.headers)
    if answer.status_code in (401, 404):  # the state it belonged to is gone
        return None
    now = _body(answer).get("callback_url")
    if now != callback and (now is None or now.endswith(RECEIVER)):  # one that the person set stays
        _body(api.patch(f"/tenants/{tenant.id}", headers=tenant.headers, json={"callback_url": callback}))
    return tenant


def _made(api: httpx.Client, system: System, callback: str | None) -> DemoTenant:
    body = {"name": NAME} | ({"callback_url": callback} if callback else {})
    answer = _body(api.post("/tenants", headers={"X-Admin-Token": system.admin_token}, json=body))
    tenant = DemoTenant.model_validate(answer)
    _write(_path(system.plan.state), tenant.model_dump_json())
    return tenant


def _write(path: Path, text: str) -> None:
    """Write a file that nobody else may read, whole or not at all."""
    scratch = path.with_suffix(".new")
    scratch.unlink(missing_ok=True)
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    scratch.replace(path)


def _warm(api: httpx.Client, tenant: DemoTenant) -> dict[str, Any]:
    """Read the status, and let each function start its process now rather than under the newcomer's first request."""
    base, headers = f"/tenants/{tenant.number}", tenant.headers
    calls: Sequence[Callable[[], httpx.Response]] = (
        lambda: api.get(f"{base}/status", headers=headers),
        lambda: api.post(f"{base}/messages/send", headers=headers, json={}),  # 422: nothing is sent
        lambda: api.get(f"{base}/deliveries", headers=headers),
        lambda: api.get(RECEIVER),
    )
    with ThreadPoolExecutor(len(calls)) as pool:
        status, *_ = pool.map(lambda call: call(), calls)
    return _body(status)


def _body(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error:
        raise StartError(f"the API answered {answer.request.method} {answer.request.url.path} with {answer.status_code}: {answer.text}")
    body: dict[str, Any] = answer.json()
    return body
