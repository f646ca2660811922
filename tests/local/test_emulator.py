"""The light fixture for stores: tables, queue and key of the template, and nobody else's data."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path

import pytest

from local import emulator as emulators
from local.emulator import Emulator
from local.emulator_account import EmulatorAccount, open_account
from local.ministack_main import forget_expired
from local.stand_in_template import template


def test_an_account_has_what_the_template_describes(account: EmulatorAccount) -> None:
    """Both tables with their keys and index, the FIFO queue, the key."""
    dynamodb = account.client("dynamodb")
    table = dynamodb.describe_table(TableName=account.table_name)["Table"]
    assert [index["IndexName"] for index in table["GlobalSecondaryIndexes"]] == ["by_owner"]
    queue = account.client("sqs").get_queue_attributes(QueueUrl=account.events_queue_url, AttributeNames=["All"])["Attributes"]
    assert (queue["FifoQueue"], queue["DeduplicationScope"], queue["VisibilityTimeout"]) == ("true", "messageGroup", "90")
    assert account.client("kms").describe_key(KeyId=account.kms_key_id)["KeyMetadata"]["Enabled"]


def test_only_tests_remove_what_they_wrote(account: EmulatorAccount) -> None:
    """The emulator would remove it by the machine's clock, in the middle of a test whose own clock says otherwise."""
    for table in (account.table_name, account.deliveries_table_name):
        ttl = account.client("dynamodb").describe_time_to_live(TableName=table)["TimeToLiveDescription"]
        assert ttl["TimeToLiveStatus"] == "DISABLED"


def test_accounts_see_nothing_of_each_other(account: EmulatorAccount, emulator: Emulator) -> None:
    """Tests may run side by side on one emulator."""
    other = open_account(emulator, template("local"))
    item = {"pk": {"S": "a"}, "sk": {"S": "b"}}
    account.client("dynamodb").put_item(TableName=account.table_name, Item=item)
    found = other.client("dynamodb").get_item(TableName=other.table_name, Key=item)
    assert "Item" not in found


def test_a_repeat_is_dropped_though_the_first_was_taken_and_deleted(account: EmulatorAccount) -> None:
    """As SQS does for five minutes; what comes under another id is taken."""
    sqs, url = account.client("sqs"), account.events_queue_url
    taken = []
    for name in ("a", "a", "b"):
        sqs.send_message(QueueUrl=url, MessageBody=name, MessageGroupId="chat", MessageDeduplicationId=name)
        for message in sqs.receive_message(QueueUrl=url).get("Messages", []):
            taken.append(message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert taken == ["a", "b"]


def test_ids_are_forgotten_when_their_time_is_over() -> None:
    """Those that are still good stay, in the order in which they came."""
    now = time.time()
    queue = {"dedup_cache": {"a": {"expire": now - 2}, "b": {"expire": now - 1}, "c": {"expire": now + 100}, "d": {"expire": now + 101}}}
    forget_expired(queue)
    assert list(queue["dedup_cache"]) == ["c", "d"]


def test_what_a_dead_emulator_left_does_not_hold_up_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An emulator that is started again finds its temporary folder empty, however long the old one takes to remove."""
    go, begun, remove = threading.Event(), threading.Event(), shutil.rmtree

    def slow(path: Path, ignore_errors: bool) -> None:
        begun.set()
        assert go.wait(60)
        remove(path, ignore_errors=ignore_errors)

    monkeypatch.setattr(shutil, "rmtree", slow)
    left = tmp_path / "emulator" / "tmp" / "function"
    left.mkdir(parents=True)
    emulators.clear_aside(tmp_path)
    assert not left.exists()
    assert begun.wait(60)
    assert list((tmp_path / "emulator").iterdir())
    go.set()
    monkeypatch.undo()
    emulators.clear(tmp_path)
    assert not list((tmp_path / "emulator").iterdir())
