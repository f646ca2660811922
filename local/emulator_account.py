"""Tables, queues and key as the template describes them, in an account of the emulator that nobody else sees: for tests and measurements.

Without TTL: the emulator removes by the machine's clock, once a minute, and tests have clocks of their own.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from local.emulator import REGION, Emulator, new_session

TABLE_FIELDS = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")
QUEUE_FIELDS = ("FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit", "VisibilityTimeout")
DEAD_EVENTS = "dead-events.fifo"


@dataclass(frozen=True)
class EmulatorAccount:
    """What stores and queues need; names are those of the functions' environment, in lower case."""

    emulator: Emulator
    table_name: str
    deliveries_table_name: str
    events_queue_url: str
    dead_events_queue_url: str
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
            "DEAD_EVENTS_QUEUE_URL": self.dead_events_queue_url,
            "KMS_KEY_ID": self.kms_key_id,
            "MEDIA_BUCKET": self.media_bucket,
        }


class _Opener:
    """Fills new accounts of one emulator, by clients that act as one account after another.

    A client costs more processor time than all the calls that open an account.
    """

    def __init__(self, port: int, secret: str) -> None:
        emulator = Emulator(port, secret=secret)
        session = new_session(aws_access_key_id=emulator.account, aws_secret_access_key=secret)
        self._credentials: Any = session.get_credentials()
        self._alone = threading.Lock()
        services = ("dynamodb", "sqs", "kms", "s3")
        self._dynamodb, self._sqs, self._kms, self._s3 = (emulator.client_of(session, service) for service in services)

    def fill(self, own: Emulator, template: Mapping[str, Any]) -> EmulatorAccount:
        """Make everything in the account."""
        with self._alone:
            self._credentials.access_key = own.account
            dead = self._create_queue(_resource(template, "AWS::SQS::Queue", "DeadEvents"), DEAD_EVENTS)
            events = self._create_queue(_resource(template, "AWS::SQS::Queue", "QueuesEvents"), "events.fifo", dead=own)
            return EmulatorAccount(
                emulator=own,
                table_name=self._create_table(_resource(template, "AWS::DynamoDB::Table", "Avio"), "avio"),
                deliveries_table_name=self._create_table(_resource(template, "AWS::DynamoDB::Table", "Deliveries"), "deliveries"),
                events_queue_url=events,
                dead_events_queue_url=dead,
                kms_key_id=self._kms.create_key()["KeyMetadata"]["KeyId"],
                media_bucket=self._create_bucket(f"media-{own.account}"),  # names of buckets are one for all accounts
            )

    def _create_bucket(self, name: str) -> str:
        self._s3.create_bucket(Bucket=name)
        return name

    def _create_table(self, properties: dict[str, Any], name: str) -> str:
        self._dynamodb.create_table(TableName=name, **{field: properties[field] for field in TABLE_FIELDS if field in properties})
        return name

    def _create_queue(self, properties: dict[str, Any], name: str, dead: Emulator | None = None) -> str:
        """Make a queue; with `dead`, what it gives up goes to the dead letter queue of that account."""
        attributes = _queue_attributes(properties)
        if dead:
            target = f"arn:aws:sqs:{REGION}:{dead.account}:{DEAD_EVENTS}"
            redrive = {**properties["RedrivePolicy"], "deadLetterTargetArn": target}
            attributes["RedrivePolicy"] = json.dumps(redrive)
        url: str = self._sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return url


_opener = lru_cache(maxsize=4)(_Opener)


def open_account(emulator: Emulator, template: Mapping[str, Any]) -> EmulatorAccount:
    """Make a fresh account with everything in it (about 15 ms)."""
    own = emulator.in_account("".join(secrets.choice("123456789") for _ in range(12)))
    return _opener(emulator.port, emulator.secret).fill(own, template)


def _resource(template: Mapping[str, Any], kind: str, name: str) -> dict[str, Any]:
    """Properties of the one resource of `kind` whose construct is called `name`."""
    found = [resource["Properties"] for logical, resource in template["Resources"].items() if resource["Type"] == kind and name in logical]
    assert len(found) == 1, f"{kind} {name}: {len(found)} in the template"
    properties: dict[str, Any] = found[0]
    return properties


def _queue_attributes(properties: dict[str, Any]) -> dict[str, str]:
    values = {field: properties[field] for field in QUEUE_FIELDS if field in properties}
    return {field: str(value).lower() if isinstance(value, bool) else str(value) for field, value in values.items()}
