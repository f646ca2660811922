"""What an account of the emulator holds, as files: all rows of both tables, and what is in the queue.

    tables.json   table -> rows in DynamoDB's typed JSON, binary values in base64, one attribute a line
    queue.json    messages in their order: body, group, deduplication id, and where its attributes are of ours, these

Another emulator cannot open what this one's KMS key has wrapped. So a data key is stored as its tenant and purpose, and what was sealed
under it in the clear; loading makes new keys and seals anew. Only what tests made up is in these files.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from local.emulator_account import EmulatorAccount
from shared.crypto import DataKey, DecryptionFailed, Envelope, KeysUnavailable, Purpose
from shared.model.ids import TenantId

TABLES, QUEUE = "tables.json", "queue.json"
DATA_KEY, SEALED = "$data_key", "$sealed"
PAIRS = (("signing_key", "signing_secret"), ("data_key", "sealed"), ("key", "sealed"))
"""Fields that hold a wrapped data key, and what was sealed under it."""
Attributes = dict[str, Any]


def dump(account: EmulatorAccount, folder: Path, before: Sequence[dict[str, str]] = ()) -> None:
    """Write what an account holds; takes the messages out of its queue, and writes them behind those that were taken `before`."""
    tables = {"avio": _rows(account, account.table_name), "deliveries": _rows(account, account.deliveries_table_name)}
    unsealing = _Unsealing(account)
    for row in (row for rows in tables.values() for row in rows):
        unsealing.pairs(_tenant_of(row), row)
    for row in (row for rows in tables.values() for row in rows):
        unsealing.copies(row)
    (folder / TABLES).write_text(_written({name: [_texts(row) for row in rows] for name, rows in tables.items()}))
    (folder / QUEUE).write_text(json.dumps([*before, *messages(account)], indent=1, ensure_ascii=False) + "\n")


def load(account: EmulatorAccount, folder: Path) -> None:
    """Put what was written into an account."""
    dynamodb, sealing = account.client("dynamodb"), _Sealing(account)
    names = {"avio": account.table_name, "deliveries": account.deliveries_table_name}
    for name, rows in json.loads((folder / TABLES).read_text()).items():
        puts = [{"PutRequest": {"Item": {field: sealing.value(value) for field, value in row.items()}}} for row in rows]
        for first in range(0, len(puts), 25):
            answer = dynamodb.batch_write_item(RequestItems={names[name]: puts[first : first + 25]})
            assert not answer.get("UnprocessedItems")
    sqs = account.client("sqs")
    for message in queued(folder):
        sqs.send_message(
            QueueUrl=account.events_queue_url,
            MessageBody=message["body"],
            MessageGroupId=message["group"],
            MessageDeduplicationId=message["deduplication_id"],
        )


def rows_in(folder: Path, table: str) -> list[dict[str, Any]]:
    """Return a table's rows as they are stored."""
    rows: list[dict[str, Any]] = json.loads((folder / TABLES).read_text())[table]
    return rows


def queued(folder: Path) -> list[dict[str, str]]:
    """Return the messages of the queue in their order."""
    messages: list[dict[str, str]] = json.loads((folder / QUEUE).read_text())
    return messages


def _rows(account: EmulatorAccount, table: str) -> list[Attributes]:
    pages = account.client("dynamodb").get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    rows = [row for page in pages for row in page["Items"]]
    return sorted(rows, key=lambda row: (row["pk"]["S"], row["sk"]["S"]))


def messages(account: EmulatorAccount) -> Iterator[dict[str, str]]:
    """Take what is in the queue out of it, waiting for what is hidden."""
    sqs, url = account.client("sqs"), account.events_queue_url
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    while any(int(count) for count in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=counts)["Attributes"].values()):
        answer = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1, AttributeNames=["All"], MessageAttributeNames=["All"]
        )
        for message in answer.get("Messages", []):
            assert not message.get("MessageAttributes"), "write them down as well"
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            attributes = message["Attributes"]
            yield {
                "group": attributes["MessageGroupId"],
                "deduplication_id": attributes["MessageDeduplicationId"],
                "body": message["Body"],
            }


def _tenant_of(row: Attributes) -> TenantId:
    return TenantId(row["pk"]["S"].removeprefix("T#"))


class _Unsealing:
    """Puts in the place of sealed values what is in them. What no key opens stays as it is."""

    def __init__(self, account: EmulatorAccount) -> None:
        kms = account.client("kms")
        self._envelope = Envelope(lambda: kms, account.kms_key_id)
        self._known: dict[bytes, Attributes] = {}

    def pairs(self, tenant_id: TenantId, fields: Attributes) -> None:
        """Open each pair of key and sealed value in some fields, however deep."""
        for key_name, sealed_name in PAIRS:
            wrapped, sealed = fields.get(key_name, {}).get("B"), fields.get(sealed_name, {}).get("B")
            if wrapped is not None and sealed is not None and (opened := self._opened(tenant_id, wrapped, sealed)):
                fields[key_name], fields[sealed_name] = opened
                self._known[sealed] = opened[1]
        for value in fields.values():
            for inner in (value.get("M"), *(one.get("M") for one in value.get("L", ()))):
                if inner:
                    self.pairs(tenant_id, inner)

    def copies(self, row: Attributes) -> None:
        """Open what is also sealed elsewhere, under a key that only lies there."""
        for name, value in row.items():
            if value.get("B") in self._known:
                row[name] = self._known[value["B"]]

    def _opened(self, tenant_id: TenantId, wrapped: bytes, sealed: bytes) -> tuple[Attributes, Attributes] | None:
        """Return what to write of a key and of what is sealed under it; of the latter what it is, where the key does not open it."""
        unreadable = None
        for purpose in Purpose:
            key = {"tenant": tenant_id, "purpose": purpose.value}
            try:
                plain = self._envelope.unwrap(tenant_id, purpose, wrapped).open(sealed)
            except KeysUnavailable:
                continue
            except DecryptionFailed:
                unreadable = unreadable or ({DATA_KEY: key}, {"B": sealed})
                continue
            return {DATA_KEY: key}, {SEALED: {**key, "plain": plain.decode()}}
        return unreadable


class _Sealing:
    """Puts sealed values back. A tenant has one data key for each purpose here, and what is sealed twice is sealed alike."""

    def __init__(self, account: EmulatorAccount) -> None:
        kms = account.client("kms")
        self._envelope = Envelope(lambda: kms, account.kms_key_id)
        self._keys: dict[tuple[str, str], DataKey] = {}
        self._sealed: dict[tuple[str, str, str], bytes] = {}

    def value(self, value: Any) -> Any:
        """Return an attribute's value as DynamoDB takes it."""
        match value:
            case {"$data_key": {"tenant": tenant_id, "purpose": purpose}}:
                return {"B": self._key(tenant_id, purpose).wrapped}
            case {"$sealed": {"tenant": tenant_id, "purpose": purpose, "plain": plain}}:
                name = (tenant_id, purpose, plain)
                if name not in self._sealed:
                    self._sealed[name] = self._key(tenant_id, purpose).seal(plain.encode())
                return {"B": self._sealed[name]}
            case {"B": str(encoded)}:
                return {"B": base64.b64decode(encoded)}
            case {"M": fields}:
                return {"M": {name: self.value(inner) for name, inner in fields.items()}}
            case {"L": values}:
                return {"L": [self.value(inner) for inner in values]}
            case _:
                return value

    def _key(self, tenant_id: str, purpose: str) -> DataKey:
        name = (tenant_id, purpose)
        if name not in self._keys:
            self._keys[name] = self._envelope.new_key(TenantId(tenant_id), Purpose(purpose))
        return self._keys[name]


def _texts(value: Any) -> Any:
    match value:
        case bytes():
            return base64.b64encode(value).decode()
        case dict():
            return {name: _texts(value[name]) for name in sorted(value)}
        case list():
            return [_texts(one) for one in value]
        case _:
            return value


def _written(tables: dict[str, list[Attributes]]) -> str:
    """Write rows so that a change of one attribute changes one line."""

    def row(fields: Attributes) -> str:
        lines = (f'   "{name}": {json.dumps(value, ensure_ascii=False)}' for name, value in fields.items())
        return "  {\n" + ",\n".join(lines) + "\n  }"

    written = (f' "{name}": [\n' + ",\n".join(map(row, rows)) + "\n ]" for name, rows in tables.items())
    return "{\n" + ",\n".join(written) + "\n}\n"
