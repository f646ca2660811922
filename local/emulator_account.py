"""Tables, queue and key as the template describes them, in an account of the emulator that nobody else sees: for tests and measurements.

Without TTL: the emulator removes by the machine's clock, once a minute, and tests have clocks of their own.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.emulator import Emulator

TABLE_FIELDS = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")
QUEUE_FIELDS = ("FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit", "VisibilityTimeout")


@dataclass(frozen=True)
class EmulatorAccount:
    """What stores and queues need; names are those of the functions' environment, in lower case."""

    emulator: Emulator
    table_name: str
    deliveries_table_name: str
    events_queue_url: str
    kms_key_id: str
    media_bucket: str

    def client(self, service: str) -> Any:
        """A boto3 client, as this account's root."""
        return self.emulator.client(service)

    @property
    def environment(self) -> dict[str, str]:
        """Environment for a process that should see this account and no other."""
        return {
            **self.emulator.environment,
            "TABLE_NAME": self.table_name,
            "DELIVERIES_TABLE_NAME": self.deliveries_table_name,
            "EVENTS_QUEUE_URL": self.events_queue_url,
            "KMS_KEY_ID": self.kms_key_id,
            "MEDIA_BUCKET": self.media_bucket,
        }


def open_account(emulator: Emulator, template: Mapping[str, Any]) -> EmulatorAccount:
    """Make a fresh account with everything in it (about 50 ms)."""
    own = emulator.in_account("".join(secrets.choice("123456789") for _ in range(12)))
    queue = _resource(template, "AWS::SQS::Queue", "Events")
    created = own.client("sqs").create_queue(QueueName="events.fifo", Attributes=_queue_attributes(queue))
    return EmulatorAccount(
        emulator=own,
        table_name=_create_table(own, _resource(template, "AWS::DynamoDB::Table", "Avio"), "avio"),
        deliveries_table_name=_create_table(own, _resource(template, "AWS::DynamoDB::Table", "Deliveries"), "deliveries"),
        events_queue_url=created["QueueUrl"],
        kms_key_id=own.client("kms").create_key()["KeyMetadata"]["KeyId"],
        media_bucket=_create_bucket(own),
    )


def _resource(template: Mapping[str, Any], kind: str, name: str) -> dict[str, Any]:
    """Properties of the one resource of `kind` whose construct is called `name`."""
    found = [
        resource["Properties"]
        for logical, resource in template["Resources"].items()
        if resource["Type"] == kind and name in logical and "Dead" not in logical
    ]
    assert len(found) == 1, f"{kind} {name}: {len(found)} in the template"
    properties: dict[str, Any] = found[0]
    return properties


def _create_table(emulator: Emulator, properties: dict[str, Any], name: str) -> str:
    dynamodb = emulator.client("dynamodb")
    dynamodb.create_table(TableName=name, **{field: properties[field] for field in TABLE_FIELDS if field in properties})
    return name


def _create_bucket(emulator: Emulator) -> str:
    name = f"media-{emulator.account}"  # names of buckets are one for all accounts
    emulator.client("s3").create_bucket(Bucket=name)
    return name


def _queue_attributes(properties: dict[str, Any]) -> dict[str, str]:
    values = {field: properties[field] for field in QUEUE_FIELDS if field in properties}
    return {field: str(value).lower() if isinstance(value, bool) else str(value) for field, value in values.items()}
