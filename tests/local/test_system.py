"""The stack on the emulator with stand-in functions: what the template promises holds there, and survives a stop."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore.session
import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from local import deployment_secret, listener_process
from local.child_process import StartError
from local.stack import deploy
from local.synth import local_template
from local.system import System
from tests.support.stand_in_functions import plan_of, write_sources

DEADLINE_S = 60


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system whose functions are stand-ins, without a listener."""
    with System(plan_of(tmp_path_factory.mktemp("stub"))) as running:
        yield running


def _eventually(found: Callable[[], Any]) -> Any:
    """Ask until there is an answer."""
    ends = time.monotonic() + DEADLINE_S
    while not (answer := found()):
        assert time.monotonic() < ends, "nothing came"
        time.sleep(0.05)
    return answer


def _items(system: System, table: str, key: str) -> list[dict[str, Any]]:
    query = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": key}}}
    items: list[dict[str, Any]] = system.emulator.client("dynamodb").query(TableName=table, **query)["Items"]
    return items


@pytest.mark.parametrize(
    ("path", "function"),
    [
        ("/", "tenants"),
        ("/health", "tenants"),
        ("/docs", "tenants"),
        ("/nowhere/at/all", "tenants"),
        ("/tenants", "tenants"),
        ("/tenants/1/keys/2", "tenants"),
        ("/tenants/1/status", "auth"),
        ("/tenants/1/auth/start", "auth"),
        ("/tenants/1/logout", "auth"),
        ("/tenants/1/messages/send", "messages"),
        ("/dev/callback-receiver", "callbacks"),
        ("/tenants/1/deliveries", "deliveries"),
    ],
)
def test_paths_reach_their_functions_through_the_front(stub: System, path: str, function: str) -> None:
    """One port for all of it."""
    seen = httpx.get(stub.url + path, timeout=DEADLINE_S, trust_env=False).json()
    assert (seen["function"], seen["path"]) == (function, path)


def test_a_preflight_reaches_a_function(stub: System) -> None:
    """Although the emulator's gateway would refuse it."""
    answer = httpx.options(stub.url + "/tenants", timeout=DEADLINE_S, trust_env=False)
    assert answer.json()["function"] == "tenants"


def test_tokens_are_published_at_start(stub: System) -> None:
    """The function read the secret, as its role allows, and wrote to the table."""
    (item,) = _items(stub, stub.outputs.table_name, "tokens")
    assert "ADMIN_TOKEN" in item["names"]["SS"]
    assert stub.admin_token.isalnum()


def test_events_reach_the_delivery_function(stub: System) -> None:
    """Through the mapping of the template; and its role keeps it from making data keys."""
    queue = {"QueueUrl": stub.outputs.events_queue_url, "MessageGroupId": "chat", "MessageDeduplicationId": "1"}
    stub.emulator.client("sqs").send_message(MessageBody="hello", **queue)
    table = stub.outputs.deliveries_table_name
    (item,) = _eventually(lambda: _items(stub, table, "delivered"))
    assert item["sk"]["S"] == "hello"
    assert _eventually(lambda: _items(stub, table, "refused"))


@pytest.mark.parametrize("table", ["table_name", "deliveries_table_name"])
def test_tables_forget(stub: System, table: str) -> None:
    """TTL is on, although the emulator ignores it in templates."""
    found = stub.emulator.client("dynamodb").describe_time_to_live(TableName=getattr(stub.outputs, table))
    assert found["TimeToLiveDescription"] == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}


def test_the_listener_has_its_role_and_no_more(stub: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment it is started with makes boto3 assume the role of the template."""
    for name, value in listener_process.role_environment(stub.emulator, stub.outputs, tmp_path).items():
        monkeypatch.setenv(name, value)
    key = {"pk": {"S": "x"}, "sk": {"S": "x"}}
    _client("dynamodb").get_item(TableName=stub.outputs.table_name, Key=key)
    _client("kms").generate_data_key(KeyId=stub.outputs.kms_key_id, KeySpec="AES_256")
    with pytest.raises(ClientError, match="AccessDenied"):
        _client("dynamodb").scan(TableName=stub.outputs.table_name)
    with pytest.raises(ClientError, match="AccessDenied"):
        _client("secretsmanager").get_secret_value(SecretId=stub.outputs.secret_id)


OTHER_USER = """
import os, sys
os.chdir(sys.argv[1])
os.setgroups([]); os.setgid(65534); os.setuid(65534)
for path in sys.argv[2:]:
    try:
        print("read", path, len(open(path, "rb").read()))
    except PermissionError:
        pass
"""
SECRETS = ("access", "avio.env", "logs/emulator.log", "aws/credentials")


def test_the_state_is_for_its_owner_alone(stub: System) -> None:
    """The folder, and each file with a secret in it besides."""
    state = stub.plan.state
    listener_process.role_environment(stub.emulator, stub.outputs, state)
    assert state.stat().st_mode & 0o777 == 0o700
    assert {name: (state / name).stat().st_mode & 0o777 for name in SECRETS} == dict.fromkeys(SECRETS, 0o600)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_user_reads_nothing_of_it(stub: System) -> None:
    """Even one who stands in the folder already, so that no folder above it is in the way."""
    listener_process.role_environment(stub.emulator, stub.outputs, stub.plan.state)
    command = [sys.executable, "-c", OTHER_USER, str(stub.plan.state), *SECRETS, "emulator/port"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == ""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_command_line_shows_a_secret(stub: System) -> None:
    """Everybody may read them."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            lines.append(path.read_bytes())
    assert any(b"local.ministack_main" in line for line in lines)
    for secret_ in (
        stub.emulator.secret,
        stub.admin_token,
        *stub.emulator.gateway_headers.values(),
        *stub.emulator.starting_headers.values(),
    ):
        assert not [line for line in lines if secret_.encode() in line]


def test_an_admin_token_of_ones_own_is_taken_as_it_is(stub: System) -> None:
    """Every one that the settings let pass; before, one with a sign in it was replaced without a word."""
    token = "base64/with+signs=="
    before = stub.tokens["ADMIN_TOKEN"]
    assert deployment_secret.fill(stub.emulator, stub.outputs, {"ADMIN_TOKEN": token})["ADMIN_TOKEN"] == token
    assert deployment_secret.fill(stub.emulator, stub.outputs, {"ADMIN_TOKEN": before})["ADMIN_TOKEN"] == before
    assert deployment_secret.fill(stub.emulator, stub.outputs, {})["ADMIN_TOKEN"] == before


def test_functions_keys_cannot_be_guessed_from_their_names(stub: System) -> None:
    """The emulator derives them from the names of function and role, which this template gives everybody alike."""
    configuration = stub.emulator.client("lambda").get_function_configuration(FunctionName=stub.outputs.default_function)
    named = hashlib.sha256(f"{configuration['FunctionArn']}:{configuration['Role']}".encode()).hexdigest()
    guessed = [hashlib.sha256(f"{what}:{named}".encode()).hexdigest() for what in ("secret", "token")]
    httpx.get(f"{stub.url}/health", timeout=DEADLINE_S, trust_env=False)  # the function has its keys by now
    keys = Credentials(f"ASIA{named[:16].upper()}", *guessed)
    request = AWSRequest("POST", f"{stub.emulator.url}/", headers={"X-Amz-Target": "DynamoDB_20120810.ListTables"}, data=b"{}")
    SigV4Auth(keys, "dynamodb", "us-east-1").add_auth(request)
    answer = httpx.post(stub.emulator.url, content=b"{}", headers=dict(request.headers.items()), trust_env=False)
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")


def _client(service: str) -> Any:
    """A client made from the environment, in a session of its own."""
    return botocore.session.Session().create_client(service)


def test_an_unchanged_template_is_not_deployed_again(stub: System) -> None:
    """CloudFormation is asked once, and told nothing."""
    before = _last_event(stub)
    assert deploy(stub.emulator, local_template({}, stub.plan.sources)) == stub.outputs
    assert _last_event(stub) == before


def _last_event(system: System) -> str:
    events = system.emulator.client("cloudformation").describe_stack_events(StackName="Avio")["StackEvents"]
    return str(events[0]["EventId"])


def test_a_second_system_in_the_same_folder_is_refused(stub: System) -> None:
    """They would overwrite each other's state."""
    with pytest.raises(StartError, match="another system runs"), System(stub.plan):
        pass


def test_state_survives_a_stop_and_a_change_of_code(tmp_path: Path) -> None:
    """Stop, change a function, start: what was stored is there, the new code answers, the tokens are the old ones."""
    plan = plan_of(tmp_path)
    with System(plan) as first:
        token = first.admin_token
        item = {"pk": {"S": "kept"}, "sk": {"S": "kept"}}
        first.emulator.client("dynamodb").put_item(TableName=first.outputs.table_name, Item=item)
    write_sources(plan.sources, version=2)
    with System(plan) as second:
        assert second.admin_token == token
        assert _items(second, second.outputs.table_name, "kept") == [item]
        assert httpx.get(second.url + "/health", timeout=DEADLINE_S, trust_env=False).json()["version"] == 2
        queue = {"QueueUrl": second.outputs.events_queue_url, "MessageGroupId": "chat", "MessageDeduplicationId": "2"}
        second.emulator.client("sqs").send_message(MessageBody="again", **queue)
        assert _eventually(lambda: _items(second, second.outputs.deliveries_table_name, "delivered"))
