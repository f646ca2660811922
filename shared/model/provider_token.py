"""The token by which a provider's software posts a tenant's events."""

from __future__ import annotations

import base64
import hmac
import re
import secrets
import uuid
from datetime import datetime

from pydantic import SecretStr

from shared.model.frozen import StoredModel
from shared.model.ids import TenantId
from shared.model.tenant import Draw, Sealed, digest

_TOKEN = re.compile(r"avio_provider_([0-9a-f]{32})_[0-9A-Za-z_-]{43}")


class PreviousToken(StoredModel):
    """A replaced token, valid until `until`."""

    digest: str
    until: datetime


class ProviderToken(StoredModel):
    """A tenant's provider token, as stored: its digest to compare with, and the token itself, sealed, so that it can be shown again.

    `previous`: the replaced tokens, oldest first.
    """

    digest: str
    sealed: Sealed
    created_at: datetime
    previous: tuple[PreviousToken, ...] = ()

    def opens(self, presented: str, now: datetime) -> bool:
        """Compare a presented token with this one and with the replaced ones that are still valid, each in constant time."""
        found = digest(presented)
        valid = [self.digest, *(token.digest for token in self.valid_previous(now))]
        return sum(hmac.compare_digest(known, found) for known in valid) > 0

    def valid_previous(self, now: datetime) -> tuple[PreviousToken, ...]:
        """Return the replaced tokens that are still valid, oldest first."""
        return tuple(token for token in self.previous if token.until > now)


def new_provider_token(tenant_id: TenantId, draw: Draw = secrets.token_bytes) -> SecretStr:
    """Make a token, `avio_provider_<tenant>_<secret>`. It names its tenant, so one read authenticates a request."""
    secret = base64.urlsafe_b64encode(draw(32)).rstrip(b"=").decode()
    return SecretStr(f"avio_provider_{uuid.UUID(tenant_id).hex}_{secret}")


def tenant_named(presented: str) -> TenantId | None:
    """Return the tenant that a presented token names, or None if it does not have the form of a token."""
    found = _TOKEN.fullmatch(presented)
    return TenantId(str(uuid.UUID(found[1]))) if found else None
