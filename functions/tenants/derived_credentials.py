"""A creation that can be repeated: the same credentials for the same `Idempotency-Key`, without being stored anywhere (contract G7).

A new tenant's key and signing secret are shown once, in an answer that may be lost. So with an idempotency key they are not drawn at
random but derived from the admin token, which every such request carries, and a salt that is stored for 24 hours. The repeat derives
them again. Neither the token alone nor the table alone gives them away, and once the salt has expired nothing does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from shared.model.tenant import Draw


@dataclass(frozen=True)
class Once:
    """What makes a request repeatable: its idempotency key, and the admin token that it came with."""

    idempotency_key: str
    admin_token: str = field(repr=False)


def fingerprint(request: Mapping[str, Any]) -> str:
    """Return what tells one request from another under the same idempotency key."""
    written = json.dumps(request, sort_keys=True, default=sorted)
    return hashlib.sha256(written.encode()).hexdigest()


def derived(admin_token: str, salt: bytes) -> Draw:
    """Return what draws bytes from the token and the salt (RFC 5869): the same ones in the same order, each time that it is made."""
    from cryptography.hazmat.primitives.hashes import SHA256  # seldom used: not for every cold start
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    numbers = count()

    def draw(length: int) -> bytes:
        info = f"avio tenant credentials {next(numbers)}".encode()
        return HKDF(SHA256(), length, salt, info).derive(admin_token.encode())

    return draw
