"""Names for AWS calls, by operation and subject, so that a measurement can say which calls were made."""

from __future__ import annotations

import json
from typing import Any

from shared.store import keys


def call_name(target: str, body: bytes) -> str:
    """Return the name of a request over HTTP, whose body may be no JSON (`target` is its X-Amz-Target header, or its path)."""
    try:
        request = json.loads(body)
    except ValueError:
        request = None
    operation = target.rpartition(".")[2]
    return named(operation, request) if isinstance(request, dict) else operation


def named(operation: str, request: dict[str, Any]) -> str:
    """Return an operation and its subject: "UpdateItem WORKERS", "Query by_owner", "PutItem PEER", "SendMessageBatch".

    The subject is an index, the partition of workers, or the kind of item.
    """
    subject = _subject(request)
    return f"{operation} {subject}" if subject else operation


def _subject(request: dict[str, Any]) -> str | None:
    if "IndexName" in request:
        return str(request["IndexName"])
    key = request.get("Key") or request.get("Item") or {}
    pk = key.get("pk", {}).get("S") or request.get("ExpressionAttributeValues", {}).get(":pk", {}).get("S")
    if pk == keys.WORKERS:
        return keys.WORKERS
    sk = key.get("sk", {}).get("S")
    return str(sk).partition("#")[0] if sk else None
