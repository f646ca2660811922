"""What is changed in the template for the emulator, and that nothing else is."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from local.emulator_template import API_ID, LEFT_OUT, adapt, time_to_live
from local.stand_in_template import template


@pytest.fixture(scope="module")
def original() -> dict[str, Any]:
    """The template as it is synthesized for one machine."""
    return template("local")


def _of(body: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {name: resource for name, resource in body["Resources"].items() if resource["Type"] == kind}


def test_the_original_is_left_alone(original: dict[str, Any]) -> None:
    """Adapting answers a copy."""
    before = copy.deepcopy(original)
    adapt(original)
    assert original == before


def test_only_what_is_listed_is_left_out(original: dict[str, Any]) -> None:
    """Each such type has its reason beside it."""
    gone = set(original["Resources"]) - set(adapt(original)["Resources"])
    assert {original["Resources"][name]["Type"] for name in gone} == set(LEFT_OUT)
    assert all(LEFT_OUT.values())


def test_what_stays_is_unchanged_but_for_the_known_kinds(original: dict[str, Any]) -> None:
    """Tables, queues, layers, routes, subnets: exactly as they are deployed."""
    adapted = adapt(original)
    changed = {resource["Type"] for name, resource in adapted["Resources"].items() if resource != original["Resources"][name]}
    assert changed <= {"AWS::IAM::Policy", "AWS::ApiGatewayV2::Api", "AWS::Lambda::Function"}


def test_nothing_waits_for_what_was_left_out() -> None:
    """CloudFormation refuses a template whose DependsOn names nothing."""
    resources = {
        "Ingress": {"Type": "AWS::EC2::SecurityGroupIngress"},
        "One": {"Type": "AWS::SQS::Queue", "DependsOn": "Ingress"},
        "Many": {"Type": "AWS::SQS::Queue", "DependsOn": ["Ingress", "One"]},
    }
    adapted = adapt({"Resources": resources})["Resources"]
    assert adapted["One"]["DependsOn"] == []
    assert adapted["Many"]["DependsOn"] == ["One"]


def test_conditions_on_the_encryption_context_go_and_others_stay() -> None:
    """The emulator knows no such key, so the statement would allow nothing."""
    purpose = {"Action": "kms:Decrypt", "Condition": {"StringEquals": {"kms:EncryptionContext:purpose": "session"}}}
    other = {"Action": "kms:Decrypt", "Condition": {"Bool": {"aws:SecureTransport": "true"}}}
    policy = {"Type": "AWS::IAM::Policy", "Properties": {"PolicyDocument": {"Statement": [purpose, other]}}}
    adapted = adapt({"Resources": {"Policy": policy}})["Resources"]["Policy"]["Properties"]["PolicyDocument"]["Statement"]
    assert adapted == [{"Action": "kms:Decrypt"}, other]


def test_batches_are_allowed_where_their_single_actions_are() -> None:
    """On AWS sqs:SendMessage covers SendMessageBatch; the emulator wants each by name. Nothing else is added."""
    statements = [{"Action": "sqs:SendMessage"}, {"Action": ["sqs:DeleteMessage", "sqs:ReceiveMessage"]}, {"Action": "kms:Decrypt"}]
    policy = {"Type": "AWS::IAM::Policy", "Properties": {"PolicyDocument": {"Statement": statements}}}
    adapted = adapt({"Resources": {"Policy": policy}})["Resources"]["Policy"]["Properties"]["PolicyDocument"]["Statement"]
    allowed = [{statement["Action"]} if isinstance(statement["Action"], str) else set(statement["Action"]) for statement in adapted]
    assert allowed == [
        {"sqs:SendMessage", "sqs:SendMessageBatch"},
        {"sqs:DeleteMessage", "sqs:DeleteMessageBatch", "sqs:ReceiveMessage"},
        {"kms:Decrypt"},
    ]


def test_the_secret_is_named_by_its_arn(original: dict[str, Any]) -> None:
    """In environments, roles and outputs alike; other references stay as they are."""
    secret = next(iter(_of(original, "AWS::SecretsManager::Secret")))
    adapted = adapt(original)
    assert json.dumps({"Ref": secret}) in json.dumps(original)
    assert json.dumps({"Ref": secret}) not in json.dumps(adapted)
    assert adapted["Outputs"]["SecretId"]["Value"] == {"Fn::GetAtt": [secret, "Id"]}
    assert adapted["Outputs"]["TableName"] == original["Outputs"]["TableName"]


def test_the_apis_id_is_fixed(original: dict[str, Any]) -> None:
    """So its address is the same for every stack."""
    (api,) = _of(adapt(original), "AWS::ApiGatewayV2::Api").values()
    assert api["Properties"]["Tags"]["ms-custom-id"] == API_ID


def test_both_tables_get_their_time_to_live_afterwards(original: dict[str, Any]) -> None:
    """The emulator ignores it in a template."""
    assert sorted(time_to_live(original).values()) == ["expires_at", "expires_at"]
