"""A client that is generated from the OpenAPI document does the main job: what people get who generate their own."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from local.openapi import DOCUMENT
from tests.flows.customer import Customer

PACKAGE = "avio_client"
BINARY = ("image/png", "image/svg+xml", "*/*")
"""The generator takes bytes of one type alone, and its settings name the others."""


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The client that openapi-python-client generates, which has nothing to warn of."""
    home = tmp_path_factory.mktemp("generated")
    settings = {"post_hooks": [], "content_type_overrides": dict.fromkeys(BINARY, "application/octet-stream")}
    (home / "settings.json").write_text(json.dumps(settings))
    made = subprocess.run(
        [
            *(sys.executable, "-m", "openapi_python_client", "generate", "--path", str(DOCUMENT), "--output-path", str(home / PACKAGE)),
            *("--meta", "none", "--config", str(home / "settings.json"), "--fail-on-warning"),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    sys.path.insert(0, str(home))
    yield home
    sys.path.remove(str(home))
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


class GeneratedClient:
    """Calls routes by their operation ids."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.models = _module("models")

    def call(self, tag: str, operation: str, **arguments: Any) -> Any:
        """Call a route; return its answer as the generated model."""
        return _module(f"api.{tag}.{operation}").sync(client=self._client, **arguments)


def _module(name: str = "") -> ModuleType:
    return importlib.import_module(f"{PACKAGE}.{name}" if name else PACKAGE)


def test_a_generated_client_does_the_main_job(customer: Customer, generated: Path) -> None:
    """Logs in, sends, reads what was delivered, and gets a refusal with its code."""
    with _module().AuthenticatedClient(base_url=customer.system.url, token=customer.tenant["key"]) as connected:
        do_the_main_job(customer, GeneratedClient(connected))


def do_the_main_job(customer: Customer, client: GeneratedClient) -> None:
    """Log in, send, receive, read the log, be refused."""
    tenant, models = customer.tenant["id"], client.models
    client.call("accounts", "start_login", tenant=tenant, body=models.Phoned(phone=customer.phone))
    proof = models.VerificationType0(
        phone=customer.phone, code=str(customer.phones.code(customer.phone)["code"]), password="a second factor"
    )
    assert client.call("accounts", "verify_login", tenant=tenant, body=proof).state == "authorized"
    sent = client.call("messages", "send_message", tenant=tenant, body=models.NewMessage(peer=f"@{customer.username}", text="generated"))
    assert sent.peer_resolved == customer.friend_id
    customer.friend_writes("an answer")
    event_id = customer.got("an answer").payload["id"]
    listed = client.call("deliveries", "list_deliveries", tenant=tenant)
    assert event_id in {delivery.event_id for delivery in listed}
    refused = client.call("messages", "send_message", tenant=tenant, body=models.NewMessage(peer="@nobody_at_all", text="x"))
    assert (refused.ok, refused.error) == (False, "user_not_found")
