"""What is stored survives mistakes, forgets what has expired, and opens to those who need it."""

from __future__ import annotations

import pytest

from tests.infra_cdk.conftest import TemplateView

TABLES = ["Avio", "Deliveries"]


@pytest.mark.parametrize("table", TABLES)
def test_tables_survive_mistakes_on_aws(aws: TemplateView, table: str) -> None:
    """Deletion protection, point-in-time recovery, and kept when the stack goes."""
    properties = aws.one("AWS::DynamoDB::Table", table)
    assert properties["DeletionProtectionEnabled"] is True
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


@pytest.mark.parametrize(
    "kind", ["AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::S3::Bucket", "AWS::SecretsManager::Secret", "AWS::SQS::Queue"]
)
def test_what_is_stored_stays_unless_its_creation_failed(aws: TemplateView, local: TemplateView, kind: str) -> None:
    """A first deployment that fails leaves nothing behind, so the next begins anew; on one machine everything goes."""

    def policies(view: TemplateView) -> set[tuple[str, str]]:
        resources = [resource for resource in view.resources.values() if resource["Type"] == kind]
        return {(resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) for resource in resources}

    assert policies(aws) == {("RetainExceptOnCreate", "Retain")}
    assert policies(local) == {("Delete", "Delete")}


def test_a_first_deployment_may_go_without_deletion_protection(chosen: TemplateView) -> None:
    """CloudFormation could not take back a table that is protected."""
    assert all(not table["DeletionProtectionEnabled"] for table in chosen.of("AWS::DynamoDB::Table").values())


@pytest.mark.parametrize("table", TABLES)
def test_tables_have_one_key_shape_and_forget_by_expires_at(aws: TemplateView, table: str) -> None:
    """pk and sk, on demand, and a TTL attribute."""
    properties = aws.one("AWS::DynamoDB::Table", table)
    assert [(key["AttributeName"], key["KeyType"]) for key in properties["KeySchema"]] == [("pk", "HASH"), ("sk", "RANGE")]
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


def test_accounts_are_found_by_their_owner(aws: TemplateView) -> None:
    """One index, which carries the epoch that a claim is conditioned on."""
    indexes = aws.one("AWS::DynamoDB::Table", "Avio")["GlobalSecondaryIndexes"]
    assert [index["IndexName"] for index in indexes] == ["by_owner"]
    assert [key["AttributeName"] for key in indexes[0]["KeySchema"]] == ["owner", "pk"]
    assert indexes[0]["Projection"] == {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["epoch"]}


def test_deliveries_are_listed_and_swept_by_index(aws: TemplateView) -> None:
    """The log's index carries a line of the log and no content; the sweeper's carries keys alone."""
    log, due = aws.one("AWS::DynamoDB::Table", "Deliveries")["GlobalSecondaryIndexes"]
    assert [key["AttributeName"] for key in log["KeySchema"]] == ["listed", "listed_at"]
    assert {"event", "attempts"}.isdisjoint(log["Projection"]["NonKeyAttributes"])
    assert [key["AttributeName"] for key in due["KeySchema"]] == ["due_shard", "due_at"]
    assert due["Projection"] == {"ProjectionType": "KEYS_ONLY"}


def test_local_tables_go_with_their_stack(local: TemplateView) -> None:
    """On one machine nothing is protected from being thrown away."""
    assert all(not table["DeletionProtectionEnabled"] for table in local.of("AWS::DynamoDB::Table").values())


def test_the_key_turns_over(aws: TemplateView) -> None:
    """KMS rotates the key every year."""
    assert aws.one("AWS::KMS::Key")["EnableKeyRotation"] is True


@pytest.mark.parametrize("queue", ["QueuesEvents", "QueuesDeadEvents"])
def test_events_keep_their_order_per_chat(aws: TemplateView, queue: str) -> None:
    """FIFO with ids of our own, deduplicated and counted per group, encrypted, kept for 14 days."""
    properties = aws.one("AWS::SQS::Queue", queue)
    assert properties["FifoQueue"] is True
    assert properties["ContentBasedDeduplication"] is False
    assert properties["DeduplicationScope"] == "messageGroup"
    assert properties["FifoThroughputLimit"] == "perMessageGroupId"
    assert properties["SqsManagedSseEnabled"] is True
    assert properties["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_a_receive_is_not_an_attempt(aws: TemplateView) -> None:
    """The followers of a failed head are received too, so the dead letter queue is far away."""
    properties = aws.one("AWS::SQS::Queue", "QueuesEvents")
    assert properties["VisibilityTimeout"] == 90
    assert properties["RedrivePolicy"]["maxReceiveCount"] == 1000


def test_one_secret_with_a_generated_admin_token(aws: TemplateView) -> None:
    """The rest is filled in by an operator."""
    generated = aws.one("AWS::SecretsManager::Secret")["GenerateSecretString"]
    assert generated["GenerateStringKey"] == "ADMIN_TOKEN"
    for name in ("PUBLIC_KEY", "WA_WEB_TOKEN", "CALLBACK_SIGNING_SECRET", "TELEGRAM_API_ID", "TELEGRAM_API_HASH"):
        assert f'"{name}": ""' in generated["SecretStringTemplate"]
