"""The two tables, the KMS key for envelope encryption, and the rights to use them."""

from __future__ import annotations

from typing import Literal

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra_cdk.retention import removal_policy
from infra_cdk.settings import StackSettings

READ = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"]
WRITE = ["dynamodb:BatchWriteItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
OWNER_INDEX = "by_owner"
STATUS_INDEX = "by_status"
DUE_INDEX = "by_due"
LISTED = ["status", "chat", "received_at", "at", "made", "last", "reason"]

Purpose = Literal["session", "signing", "provider"]


class Data(Construct):
    """Tables `avio` (state) and `deliveries` (log, backlog), and a KMS key. No code scans the tables, so no role may."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: StackSettings) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self.state = self._table("Avio")
        _index(self.state, OWNER_INDEX, "owner", "pk", ["epoch"])
        self.deliveries = self._table("Deliveries")
        _index(self.deliveries, STATUS_INDEX, "listed", "listed_at", LISTED)
        _index(self.deliveries, DUE_INDEX, "due_shard", "due_at", None)
        self.key = kms.Key(
            self,
            "Key",
            description="Avio: wraps the data keys of sessions and signing secrets",
            enable_key_rotation=True,
            removal_policy=removal_policy(self._settings),
        )

    def _table(self, construct_id: str) -> dynamodb.Table:
        return dynamodb.Table(
            self,
            construct_id,
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.DEFAULT,  # AWS's own key, free of charge; Avio encrypts secrets itself
            time_to_live_attribute="expires_at",
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=self._settings.durable
            ),
            deletion_protection=self._settings.protected,
            removal_policy=removal_policy(self._settings),
        )

    def let_read_state(self, role: iam.Role) -> None:
        """Allow reading the state table and its index by_owner."""
        _allow(role, READ, self.state.table_arn, f"{self.state.table_arn}/index/{OWNER_INDEX}")

    def let_write_state(self, role: iam.Role) -> None:
        """Allow changing items of the state table, also in transactions."""
        _allow(role, WRITE, self.state.table_arn)

    def let_read_deliveries(self, role: iam.Role) -> None:
        """Allow reading the deliveries table and its indexes."""
        indexes = [f"{self.deliveries.table_arn}/index/{name}" for name in (STATUS_INDEX, DUE_INDEX)]
        _allow(role, READ, self.deliveries.table_arn, *indexes)

    def let_write_deliveries(self, role: iam.Role) -> None:
        """Allow changing items of the deliveries table."""
        _allow(role, WRITE, self.deliveries.table_arn)

    def let_count(self, role: iam.Role) -> None:
        """Allow counting in the deliveries table."""
        _allow(role, ["dynamodb:UpdateItem"], self.deliveries.table_arn)

    def let_record(self, role: iam.Role) -> None:
        """Allow writing whole items of the deliveries table."""
        _allow(role, ["dynamodb:PutItem"], self.deliveries.table_arn)

    def let_wrap(self, role: iam.Role, purpose: Purpose) -> None:
        """Allow making data keys for a purpose. KMS refuses any other purpose in the encryption context."""
        self._let_use_key(role, "kms:GenerateDataKey", purpose)

    def let_unwrap(self, role: iam.Role, purpose: Purpose) -> None:
        """Allow unwrapping the data keys of a purpose."""
        self._let_use_key(role, "kms:Decrypt", purpose)

    def _let_use_key(self, role: iam.Role, action: str, purpose: Purpose) -> None:
        condition = {"StringEquals": {"kms:EncryptionContext:purpose": purpose}}
        role.add_to_policy(iam.PolicyStatement(actions=[action], resources=[self.key.key_arn], conditions=condition))


def _index(table: dynamodb.Table, name: str, partition: str, sort: str, carried: list[str] | None) -> None:
    """Add an index with the keys and these attributes."""
    table.add_global_secondary_index(
        index_name=name,
        partition_key=dynamodb.Attribute(name=partition, type=dynamodb.AttributeType.STRING),
        sort_key=dynamodb.Attribute(name=sort, type=dynamodb.AttributeType.STRING),
        projection_type=dynamodb.ProjectionType.INCLUDE if carried else dynamodb.ProjectionType.KEYS_ONLY,
        non_key_attributes=carried,
    )


def _allow(role: iam.Role, actions: list[str], *resources: str) -> None:
    role.add_to_policy(iam.PolicyStatement(actions=actions, resources=list(resources)))
