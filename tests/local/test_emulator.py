"""The light fixture for stores: tables, queue and key of the template, and nobody else's data."""

from __future__ import annotations

from local.aws_account import Account, open_account
from local.emulator import Emulator
from local.stand_in_template import template


def test_an_account_has_what_the_template_describes(account: Account) -> None:
    """Both tables with their keys, index and TTL, the FIFO queue, the key."""
    dynamodb = account.client("dynamodb")
    table = dynamodb.describe_table(TableName=account.table_name)["Table"]
    assert [index["IndexName"] for index in table["GlobalSecondaryIndexes"]] == ["by_owner"]
    ttl = dynamodb.describe_time_to_live(TableName=account.deliveries_table_name)["TimeToLiveDescription"]
    assert ttl["AttributeName"] == "expires_at"
    queue = account.client("sqs").get_queue_attributes(QueueUrl=account.events_queue_url, AttributeNames=["All"])["Attributes"]
    assert (queue["FifoQueue"], queue["DeduplicationScope"], queue["VisibilityTimeout"]) == ("true", "messageGroup", "90")
    assert account.client("kms").describe_key(KeyId=account.kms_key_id)["KeyMetadata"]["Enabled"]


def test_accounts_see_nothing_of_each_other(account: Account, emulator: Emulator) -> None:
    """Tests may run side by side on one emulator."""
    other = open_account(emulator, template("local"))
    item = {"pk": {"S": "a"}, "sk": {"S": "b"}}
    account.client("dynamodb").put_item(TableName=account.table_name, Item=item)
    found = other.client("dynamodb").get_item(TableName=other.table_name, Key=item)
    assert "Item" not in found
