"""Searches everything that an account of the emulator stores: each table, each bucket and each queue that is there, found by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from local.emulator import Emulator

OF_THE_CDK = "cdk-"
"""Its bucket holds the code that is deployed."""


class OutOfSight(AssertionError):
    """Messages of a queue are hidden, or came or went during the search: it may have missed one."""


class StoredContent:
    """Everything stored in one account. A search changes nothing; queue messages are hidden while it reads them."""

    def __init__(self, emulator: Emulator) -> None:
        self._dynamodb, self._s3, self._sqs = (emulator.client(service) for service in ("dynamodb", "s3", "sqs"))

    @property
    def places(self) -> set[str]:
        """The tables, buckets and queues."""
        return (
            {f"table {name}" for name in self._tables()} | {f"bucket {name}" for name in self._buckets()} | {*map(_queue, self._queues())}
        )

    def find(self, *texts: str) -> list[str]:
        """Return where one of the texts is: place and address, in order; raises OutOfSight."""
        return sorted({where for where, content in self._everything() if any(text in content for text in texts)})

    def _everything(self) -> Iterator[tuple[str, str]]:
        for table in self._tables():
            for page in self._dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
                for item in page["Items"]:
                    yield f"table {table}: {item['pk']['S']} {item['sk']['S']}", _text(item)
        for bucket in self._buckets():
            for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
                for entry in page.get("Contents", ()):
                    yield f"bucket {bucket}: {entry['Key']}", entry["Key"] + self._object(bucket, entry["Key"])
        for url in self._queues():
            yield from self._messages(url)

    def _tables(self) -> list[str]:
        return [name for page in self._dynamodb.get_paginator("list_tables").paginate() for name in page["TableNames"]]

    def _buckets(self) -> list[str]:
        return [bucket["Name"] for bucket in self._s3.list_buckets()["Buckets"] if not bucket["Name"].startswith(OF_THE_CDK)]

    def _queues(self) -> list[str]:
        return [url for page in self._sqs.get_paginator("list_queues").paginate() for url in page.get("QueueUrls", ())]

    def _object(self, bucket: str, key: str) -> str:
        answer = self._s3.get_object(Bucket=bucket, Key=key)
        body: bytes = answer["Body"].read()
        return json.dumps(answer["Metadata"]) + body.decode(errors="replace")

    def _messages(self, url: str) -> Iterator[tuple[str, str]]:
        """Yield a queue's messages."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]
        counts = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        seen: list[dict[str, Any]] = []
        while batch := self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"]).get("Messages"):
            seen += batch
        for message in seen:
            self._sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
        in_sight, there = len(seen), sum(int(counts[name]) for name in names)
        if in_sight != there:
            raise OutOfSight(f"{_queue(url)}: {in_sight} of {there} messages are in sight")
        for message in seen:
            yield f"{_queue(url)}: {message['Attributes'].get('MessageGroupId', '')}", message["Body"] + _text(message["Attributes"])


def _queue(url: str) -> str:
    return f"queue {url.rpartition('/')[2]}"


def _text(value: Any) -> str:
    """Return all the texts in a value; binary ones are read as text too."""
    return json.dumps(value, ensure_ascii=False, default=lambda binary: bytes(binary).decode(errors="replace"))
