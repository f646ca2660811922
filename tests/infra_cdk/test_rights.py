"""Each role may do what its part does, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from infra_cdk.artifacts import FUNCTIONS
from tests.infra_cdk.conftest import TemplateView

READ = {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"}
WRITE = {
    "dynamodb:BatchWriteItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
}
LOG = {"logs:CreateLogStream", "logs:PutLogEvents"}
NETWORK = {
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
}
CONSUME = {"sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}
SECRET = {"secretsmanager:GetSecretValue"}
FILES = {"s3:AbortMultipartUpload", "s3:GetObject", "s3:ListBucket", "s3:PutObject"}
EXPECTED = {
    "Functionstenants": LOG | READ | WRITE | {"kms:GenerateDataKey"},
    "Functionsauth": LOG | READ | WRITE | NETWORK,
    "Functionsmessages": LOG | READ | WRITE | NETWORK,
    "Functionsmedia": LOG | READ | NETWORK | {"s3:GetObject", "s3:PutObject"},
    "Functionscallbacks": LOG | READ | WRITE,
    "Functionsdeliveries": LOG | READ | {"dynamodb:UpdateItem", "lambda:InvokeFunction", "sqs:SendMessage"},
    "Functionsproviders": LOG | READ | WRITE | {"kms:Decrypt", "kms:GenerateDataKey", "sqs:SendMessage"},
    "Functionsdeploymenttokens": LOG | READ | WRITE | SECRET,
    "Functionscallbackdelivery": LOG | READ | WRITE | CONSUME | SECRET | {"kms:Decrypt", "sqs:SendMessage"},
    "Functionssweeper": LOG | READ | WRITE | SECRET | {"kms:Decrypt", "sqs:SendMessage"},
    "Functionserasure": LOG
    | READ
    | WRITE
    | {"sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage", "s3:DeleteObject", "s3:ListBucket"},
    "ListenerRole": READ | WRITE | {"kms:Decrypt", "kms:GenerateDataKey", "sqs:SendMessage"} | FILES,
}


def _actions(statement: dict[str, Any]) -> list[str]:
    action: str | list[str] = statement["Action"]
    return [action] if isinstance(action, str) else action


@pytest.mark.parametrize("role", EXPECTED)
def test_a_role_allows_exactly_this(aws: TemplateView, role: str) -> None:
    """A right that is added or lost is seen here first."""
    assert {action for statement in aws.rights(role) for action in _actions(statement)} == EXPECTED[role]


def test_no_role_has_a_wildcard_action_or_a_managed_policy(aws: TemplateView) -> None:
    """Managed policies grow without us."""
    for policy in aws.of("AWS::IAM::Policy").values():
        assert not [action for statement in policy["PolicyDocument"]["Statement"] for action in _actions(statement) if "*" in action]
    assert all("ManagedPolicyArns" not in role for role in aws.of("AWS::IAM::Role").values())


def test_nobody_may_scan(aws: TemplateView) -> None:
    """What has to be found has a key or an index."""
    assert "dynamodb:Scan" not in str(aws.body)


@pytest.mark.parametrize(
    ("role", "actions", "purpose"),
    [
        ("Functionstenants", ["kms:GenerateDataKey"], "signing"),
        ("Functionscallbackdelivery", ["kms:Decrypt"], "signing"),
        ("Functionssweeper", ["kms:Decrypt"], "signing"),
        ("Functionsproviders", ["kms:Decrypt", "kms:GenerateDataKey"], "provider"),
        ("ListenerRole", ["kms:Decrypt", "kms:GenerateDataKey"], "session"),
    ],
)
def test_a_data_key_opens_for_its_purpose_only(aws: TemplateView, role: str, actions: list[str], purpose: str) -> None:
    """Sessions are the listener's alone; the function that posts to callbacks can open signing secrets and nothing more."""
    statements = [statement for statement in aws.rights(role) if any(action.startswith("kms:") for action in _actions(statement))]
    assert [_actions(statement) for statement in statements] == [actions]
    assert statements[0]["Condition"] == {"StringEquals": {"kms:EncryptionContext:purpose": purpose}}


def test_functions_that_face_the_internet_hold_no_secret(aws: TemplateView) -> None:
    """Neither the name of the secret nor a token is in their environment."""
    for name in FUNCTIONS:
        has_secret = "SECRET_ID" in aws.environment(name)
        assert has_secret == (name in {"deployment_tokens", "callback_delivery", "sweeper"}), name


def test_callbacks_cannot_change_tenants(aws: TemplateView) -> None:
    """It writes to the deliveries table only."""
    writing = [statement for statement in aws.rights("Functionscallbacks") if "dynamodb:PutItem" in _actions(statement)]
    assert "Deliveries" in str(writing)
    assert "DataAvio" not in str(writing)


def test_the_log_is_read_and_queued_again_by_a_function_that_changes_nothing(aws: TemplateView) -> None:
    """It may ask the delivery function for a test, and no other function for anything."""
    (invoking,) = [one for one in aws.rights("Functionsdeliveries") if "lambda:InvokeFunction" in _actions(one)]
    assert "Functionscallbackdelivery" in str(invoking["Resource"])
    assert "*" not in str(invoking["Resource"])


def test_what_the_erasure_deletes_from_is_the_dead_letter_queue_alone(aws: TemplateView) -> None:
    """Deliveries wait in the other queue, and are not its business."""
    (queues,) = [one for one in aws.rights("Functionserasure") if any(action.startswith("sqs:") for action in _actions(one))]
    (dead,) = [name for name in aws.of("AWS::SQS::Queue") if "DeadEvents" in name]
    assert queues["Resource"] == {"Fn::GetAtt": [dead, "Arn"]}
    assert aws.environment("erasure")["DEAD_EVENTS_QUEUE_URL"] == {"Ref": dead}
