"""How a route that acts (acting.py) uses the record of an Idempotency-Key: what is kept of an answer, and what a repeat is told.

    2xx, definite 400 and 403      kept, and replayed for 24 hours
    401, 402, 404, 409, 429        forgotten: nothing was done, and the key may be used again
    503                            released: nothing was done, and the same request may be tried again
    500, 502, 504, a death         open: tried again with the same random ids for ten minutes, then `outcome_unknown`

A run that took over another cannot know whether that one has done it: only a definite answer settles it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from fastapi import Request

from functions.http.errors import STATUS
from shared.errors import AvioError, Code
from shared.model.ids import TenantId
from shared.store import keys
from shared.store.idempotency import IdempotencyRecord, RunRecord

UNKNOWN_AFTER = timedelta(minutes=10)
"""For how long a request whose outcome is open is tried again: it is not documented how long Telegram remembers a random id."""
MAX_ANSWER = 8192
_NOT_DEFINITE = {Code.NOT_SUPPORTED, Code.PEER_FLOOD, Code.ACCOUNT_FROZEN, Code.ATTACHMENT_UNREACHABLE, Code.UPLOAD_NOT_FOUND}
"""Refusals with 400 or 403 that another try may not get: they pass by, or a later listener does what this one does not know."""


def record_key(request: Request, tenant_id: TenantId, idempotency_key: str) -> keys.Key:
    return keys.once(tenant_id, f"{request.method} {request.scope['route'].path_format}", idempotency_key)


def fingerprint_of(request: Request) -> str:
    """Return the SHA-256 of what a request asks, as canonical JSON: its parsed body, its query, and what its path names but the tenant.

    The body is taken as it was sent, not as it was validated: a later version of a model may add defaults.
    """
    named = {name: value for name, value in request.path_params.items() if name != "tenant"}
    content = request.state.body.content
    asked = {"path": named, "query": sorted(request.query_params.multi_items()), "body": json.loads(content.decode("utf-8-sig") or "null")}
    return hashlib.sha256(json.dumps(asked, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def earlier_answer(record: IdempotencyRecord, fingerprint: str, now: datetime) -> str | None:
    """Return the answer of an earlier run, None where the request is to be run again; raise where it is not."""
    if record.fingerprint != fingerprint:
        raise AvioError(Code.IDEMPOTENCY_KEY_REUSED)
    if record.answer is not None:
        return record.answer
    left_s = record.leased_until - now.timestamp()
    if left_s > 0:
        raise AvioError(Code.REQUEST_IN_PROGRESS, retry_after_s=max(1, int(-(-left_s // 1))))
    if record.maybe_done and now - record.began_at > UNKNOWN_AFTER:
        detail = (
            f"It is not known whether the request with this Idempotency-Key, of {record.began_at:%Y-%m-%dT%H:%M:%SZ}, was carried out, and "
            "it is too old to be tried again. Look at the chat; to do it again, use a new key."
        )
        raise AvioError(Code.OUTCOME_UNKNOWN, detail)
    return None


def keep_result(record: RunRecord, result: Any) -> None:
    """Keep a result, JSON-ready."""
    _keep(record, {"result": result})


def keep_refusal(record: RunRecord, error: Exception, *, took_over: bool) -> None:
    """Keep a definite refusal; after another one have the request tried again."""
    status = STATUS[error.code] if isinstance(error, AvioError) else 500
    if isinstance(error, AvioError) and status in (400, 403) and error.code not in _NOT_DEFINITE:
        _keep(record, {"error": error.to_json()})
    elif took_over or status in (500, 502, 504):
        record.interrupted()
    elif status == 503:
        record.released()
    else:
        record.forgotten()


def _keep(record: RunRecord, answer: Mapping[str, Any]) -> None:
    written = json.dumps(answer, separators=(",", ":"))
    if len(written) > MAX_ANSWER:
        record.interrupted()  # a repeat runs again, with the same random ids
    else:
        record.answered(written)
