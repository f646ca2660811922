"""The handlers as Lambda loads them, and what each imports."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib

import pytest

from infra_cdk.artifacts import COMMON, FUNCTIONS
from local.bootstrap import ROOT
from shared.model.tenant import digest
from shared.version import VERSION
from tests.functions.lambda_environment import ENVIRONMENT

FOREIGN = {"telethon", "starlette.testclient", "uvicorn", "listener", "infra_cdk", "local", "tests"}
NOT_IN_DELIVERY = {"fastapi", "starlette", "mangum", "phonenumbers"}


def run(code: str, **environment: str) -> str:
    """Run code in a fresh interpreter; return what it printed."""
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT | environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_handler_loads_what_it_needs_and_no_more(name: str) -> None:
    """Composed from the environment alone, without a warning, and without a module that its bundle does not hold."""
    printed = run(f"import sys, json, functions.{name}.handler as it; print(json.dumps([callable(it.handler), *sys.modules]))")
    callable_, *modules = json.loads(printed)
    assert callable_
    assert FOREIGN.isdisjoint(modules)
    common = COMMON[FUNCTIONS[name]].replace("/", ".")
    others = {f"functions.{other}" for other in FUNCTIONS if other != name} - {common}
    assert others.isdisjoint(modules)
    if FUNCTIONS[name] != "http":
        assert NOT_IN_DELIVERY.isdisjoint(modules)
        assert "functions.http" not in modules


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_cold_start_loads_nothing_that_only_some_requests_need(name: str) -> None:
    """Somebody waits for it. What it takes in time against the frameworks alone is a row of `make bench`."""
    printed = run(f"import sys, json, functions.{name}.handler; print(json.dumps([*sys.modules]))")
    assert {"cryptography", "httpx", "phonenumbers", "telethon"}.isdisjoint(json.loads(printed))


@pytest.mark.parametrize(("flag", "mounted"), [("1", True), ("0", False), ("", False)])
def test_the_receiver_is_mounted_only_where_it_is_asked_for(flag: str, mounted: bool) -> None:
    """Without DEV_CALLBACK_RECEIVER=1 its address holds nothing."""
    environment = {"DEV_CALLBACK_RECEIVER": flag} if flag else {}
    request = {"requestContext": {"http": {"method": "PUT", "path": "/dev/callback-receiver", "sourceIp": "127.0.0.1"}}}
    event = {
        "version": "2.0",
        "rawPath": "/dev/callback-receiver",
        "rawQueryString": "",
        "headers": {},
        "isBase64Encoded": False,
        **request,
    }
    printed = run(f"import functions.callbacks.handler as it; print(it.handler({event!r}, None)['statusCode'])", **environment)
    assert int(printed.splitlines()[-1]) == (405 if mounted else 404)  # before it comes the line of the log


def test_the_version_is_the_projects() -> None:
    """What callbacks see in User-Agent and the API says of itself is what pyproject.toml says."""
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION


DIGESTS = "import json, functions.deployment_tokens.handler as it; print(it.digests_of({tokens}).model_dump_json())"


def test_only_digests_of_the_tokens_are_kept() -> None:
    """What is not set, or empty, is none; a token is not in what is kept."""
    tokens = {"ADMIN_TOKEN": "the admin's", "PUBLIC_KEY": "", "OTHER": "x"}
    printed = run(DIGESTS.format(tokens=tokens))
    assert json.loads(printed) == {"admin": digest("the admin's"), "public": None, "wa_web": None}


def test_a_public_key_that_is_the_admin_token_is_refused() -> None:
    """A browser would hold the administrator's token."""
    tokens = {"ADMIN_TOKEN": "same", "PUBLIC_KEY": "same"}
    attempt = f"try:\n it.digests_of({tokens})\nexcept it.PublicKeyIsAdminToken: print('refused')"
    assert run(f"import functions.deployment_tokens.handler as it\n{attempt}").strip() == "refused"
