"""The headers by which a receiver knows who calls and which event it is (contract C2). Pure.

    webhook-id, webhook-timestamp, webhook-attempt   always
    webhook-signature   v1,<base64>      Standard Webhooks: HMAC-SHA256 of id.timestamp.body under the key that the secret spells
    X-Signature         sha256=<hex>     HMAC-SHA256 of the body under the UTF-8 bytes of the whole secret

While a rotation overlaps, webhook-signature holds one signature for each valid secret, the newest first and with spaces between, and
X-Signature, which has room for one, goes by the oldest: the one that a receiver certainly knows.

A tenant's secret is `whsec_` and base64. The deployment's CALLBACK_SIGNING_SECRET may be any text; where it is not of that form, its UTF-8
bytes are the key of both.
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
    """Return the headers of one attempt (counted from 1); without a secret there are no signatures. `previous` begins with the oldest."""
    named = {"webhook-id": event_id, "webhook-timestamp": str(int(at.timestamp())), "webhook-attempt": str(attempt)}
    valid = [*previous, *([secret] if secret else [])]
    if not valid:
        return named
    return {
        **named,
        "webhook-signature": " ".join(Webhook(_key(one)).sign(event_id, at, body.decode()) for one in reversed(valid)),
        "X-Signature": "sha256=" + hmac.new(valid[0].encode(), body, hashlib.sha256).hexdigest(),
    }


def _key(secret: str) -> bytes:
    if secret.startswith(_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_PREFIX), validate=True) or secret.encode()
        except binascii.Error:
            pass
    return secret.encode()
