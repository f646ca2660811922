"""Derives a new tenant's credentials, so that a repeated creation returns the same ones and nothing stores them (contract G7).

A tenant's first key and signing secret are shown once, in an answer that may be lost. A request with an `Idempotency-Key` therefore
derives them from the admin token, which every such request carries, and from a salt that is stored for 24 hours. A repeat derives them
again. The token alone does not reveal them, nor does the table alone; after the salt has expired, nothing can.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from itertools import count
from typing import Any

from pydantic import SecretStr

from shared.model.tenant import Draw


def fingerprint(request: Mapping[str, Any]) -> str:
    """Return a digest of a request, to tell two requests with the same idempotency key apart."""
    written = json.dumps(request, sort_keys=True, default=sorted)
    return hashlib.sha256(written.encode()).hexdigest()


def derived_from(admin_token: SecretStr, salt: bytes) -> Draw:
    """Return a source of bytes that gives the same bytes in the same order for the same token and salt (HKDF, RFC 5869)."""
    from cryptography.hazmat.primitives.hashes import SHA256  # imported here: few requests need it, and each cold start would pay
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    numbers = count()

    def draw(length: int) -> bytes:
        info = f"avio tenant credentials {next(numbers)}".encode()
        return HKDF(SHA256(), length, salt, info).derive(admin_token.get_secret_value().encode())

    return draw
