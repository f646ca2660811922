"""Who may ask the emulator: those who sign with a key of this system, and the front. Nobody else gets anything, whoever they are."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from local.emulator import ACCOUNT, REGION, Emulator
from local.emulator_account import EmulatorAccount

ASKED = {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0"}


def _ask(emulator: Emulator, headers: dict[str, str], body: bytes = b"{}", path: str = "/") -> httpx.Response:
    return httpx.post(emulator.url + path, content=body, headers=headers, trust_env=False)


def _signed(emulator: Emulator, secret: str | None = None, **more: str) -> dict[str, str]:
    """Headers by which the emulator would list tables, signed as its root with that secret."""
    request = AWSRequest("POST", f"{emulator.url}/", headers={**ASKED, **more}, data=b"{}")
    SigV4Auth(Credentials(emulator.account, emulator.secret if secret is None else secret), "dynamodb", REGION).add_auth(request)
    return dict(request.headers.items())


def _is_refused(answer: httpx.Response) -> bool:
    """Whether nothing was given, in the one body that every error has; no page may read even that."""
    cross_origin = [name for name in answer.headers if name.startswith("access-control-")]
    body = answer.json()
    return (answer.status_code, body["ok"], body["error"], cross_origin) == (403, False, "forbidden", []) and bool(body["request_id"])


def test_what_is_signed_by_the_root_is_served(emulator: Emulator) -> None:
    """And so the refusals of the other tests are not of the request itself."""
    assert _ask(emulator, _signed(emulator)).json() == {"TableNames": []}


@pytest.mark.parametrize("secret", ["test", "", "none", "0" * 64])
def test_a_guessed_secret_opens_nothing(emulator: Emulator, secret: str) -> None:
    """The account's number is known to everybody; by itself the emulator looks at nothing else."""
    assert _is_refused(_ask(emulator, _signed(emulator, secret)))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/20261126/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0"},
        {"Authorization": f"AWS4-HMAC-SHA256 Credential={ACCOUNT}"},
        {"Authorization": f"AWS {ACCOUNT}:0"},
        {"Authorization": "Bearer x"},
        {"X-Avio-Gateway": "x"},
    ],
)
def test_what_is_not_signed_is_refused(emulator: Emulator, headers: dict[str, str]) -> None:
    """A tenant's `callback_headers` could say as much."""
    assert _is_refused(_ask(emulator, {**ASKED, **headers}))


def test_a_signature_is_of_one_request(emulator: Emulator) -> None:
    """Another body, path, query or target, or a second key beside the one that signed, is another request."""
    signed = _signed(emulator)
    assert _is_refused(_ask(emulator, signed, b'{"Limit": 1}'))
    assert _is_refused(_ask(emulator, signed, path="/other"))
    assert _is_refused(_ask(emulator, signed, path="/?Action=x"))
    assert _is_refused(_ask(emulator, {**signed, "X-Amz-Target": "DynamoDB_20120810.DeleteTable"}))
    twice = signed["Authorization"].replace("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256 Credential=111111111111/x, ")
    assert _is_refused(_ask(emulator, {**signed, "Authorization": twice}))


@pytest.mark.parametrize(
    "foreign",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:5173"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example:8000"},
        {"Host": "127.0.0.1.evil.example"},
    ],
)
def test_web_pages_and_rebound_names_are_refused_whatever_they_show(emulator: Emulator, foreign: dict[str, str]) -> None:
    """Even with a good signature, which no page can make."""
    assert _is_refused(_ask(emulator, {**_signed(emulator, **foreign), **foreign}))


def test_a_browsers_question_before_a_request_is_refused(emulator: Emulator) -> None:
    """By itself the emulator lets every page do everything."""
    asked = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-amz-target"}
    assert _is_refused(httpx.options(emulator.url, headers=asked, trust_env=False))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/health"),
        ("GET", "/_ministack/health"),
        ("GET", "/_ministack/ready"),
        ("POST", "/_ministack/reset"),
        ("POST", "/_ministack/config"),
        ("GET", "/_ministack/sqs/messages"),
        ("GET", "/_ministack/lambda-code/x"),
        ("GET", "/_localstack/health"),
        ("GET", "/_aws/execute-api/avio/tenants"),
        ("GET", "/cdk-hnb659fds-assets-000000000000-us-east-1"),
        ("GET", "/.well-known/jwks.json"),
    ],
)
def test_every_way_in_is_closed(emulator: Emulator, method: str, path: str) -> None:
    """Its own pages, the buckets, and the API Gateway, whose door is the front."""
    assert _is_refused(httpx.request(method, emulator.url + path, trust_env=False))


def test_the_gateways_pass_opens_the_gateway_alone(emulator: Emulator) -> None:
    """The front shows it with what strangers send it."""
    passed = emulator.gateway_headers
    assert httpx.get(f"{emulator.url}/_aws/execute-api/nothing/x", headers=passed, trust_env=False).status_code == 404
    assert _is_refused(_ask(emulator, {**ASKED, **passed}))
    assert _is_refused(httpx.get(f"{emulator.url}/bucket/key", headers=passed, trust_env=False))
    assert _is_refused(httpx.get(f"{emulator.url}/_ministack/ready", headers=passed, trust_env=False))
    assert _is_refused(httpx.post(f"{emulator.url}/_ministack/reset", headers=passed, trust_env=False))


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/_ministack/reset"), ("GET", "/_ministack/sqs/messages"), ("GET", "/_ministack/health"), ("GET", "/_aws/execute-api/x/y")],
)
def test_the_pass_of_a_start_opens_what_a_start_needs(emulator: Emulator, method: str, path: str) -> None:
    """Whether the emulator is ready, and writing its state; nothing that shows or changes anything else."""
    passed = emulator.starting_headers
    assert httpx.get(f"{emulator.url}/_ministack/ready", headers=passed, trust_env=False).status_code == 200
    assert _is_refused(httpx.request(method, emulator.url + path, headers=passed, trust_env=False))
    assert _is_refused(_ask(emulator, {**ASKED, **passed}))


def test_a_role_is_known_by_its_whole_credentials(account: EmulatorAccount) -> None:
    """Key, secret and token: with another secret, or without the token, it is nobody."""
    sts = account.client("sts")
    given = sts.assume_role(RoleArn=f"arn:aws:iam::{account.emulator.account}:role/x", RoleSessionName="tests")["Credentials"]

    def listed(**changed: str) -> Any:
        one = {**given, **changed}
        request = AWSRequest("POST", f"{account.emulator.url}/", headers=ASKED, data=b"{}")
        keys = Credentials(one["AccessKeyId"], one["SecretAccessKey"], one["SessionToken"] or None)
        SigV4Auth(keys, "dynamodb", REGION).add_auth(request)
        return _ask(account.emulator, dict(request.headers.items()))

    assert "TableNames" in json.loads(listed().content)
    for changed in ({"SecretAccessKey": "x"}, {"SessionToken": ""}, {"SessionToken": "x"}, {"AccessKeyId": "ASIAX"}):
        assert _is_refused(listed(**changed)), changed


def test_a_client_of_another_state_is_told_so(account: EmulatorAccount) -> None:
    """In the words of boto3: an error, not an empty list."""
    with pytest.raises(ClientError, match="403"):
        replace(account.emulator, secret="another").client("dynamodb").list_tables()
