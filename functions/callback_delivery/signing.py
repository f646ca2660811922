"""The headers that tell a receiver which event it gets, and that it comes from us (contract C2). Pure.

    webhook-id, webhook-timestamp, webhook-attempt   always
    webhook-signature   v1,<base64>      Standard Webhooks: HMAC-SHA256 of id.timestamp.body; the key is the base64 in the secret
    X-Signature         sha256=<hex>     HMAC-SHA256 of the body; the key is the whole secret in UTF-8

During a rotation, webhook-signature holds one signature for each valid secret, the newest first, separated by spaces. X-Signature has room
for one signature, and is made with the oldest secret: the receiver certainly knows that one.

A tenant's secret is `whsec_` and base64. The deployment's CALLBACK_SIGNING_SECRET may be any text. If it does not have that form, its UTF-8
bytes are the key of both signatures.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from standardwebhooks import Webhook

from shared.model.ids import EventId

_PREFIX = "whsec_"


def headers(event_id: EventId, at: datetime, attempt: int, body: bytes, secret: str | None, previous: Sequence[str] = ()) -> dict[str, str]:
    """Return the headers of one attempt (number from 1). Without a secret there are no signatures. `previous`: the oldest secret first."""
    named = {"webhook-id": event_id, "webhook-timestamp": str(int(at.timestamp())), "webhook-attempt": str(attempt)}
    valid = [*previous, *([secret] if secret else [])]
    if not valid:
        return named
    return {
        **named,
        "webhook-signature": " ".join(Webhook(_key(secret)).sign(event_id, at, body.decode()) for secret in reversed(valid)),
        "X-Signature": "sha256=" + hmac.new(valid[0].encode(), body, hashlib.sha256).hexdigest(),
    }


def _key(secret: str) -> bytes:
    if secret.startswith(_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_PREFIX), validate=True) or secret.encode()
        except binascii.Error:
            pass
    return secret.encode()
