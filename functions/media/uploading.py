"""Uploads: a tenant puts a file into the bucket by itself, past our functions, which take 6 MB."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.clock import Clock
from shared.media_bucket import UPLOAD_LINK_S, MediaBucket, upload_key
from shared.model.ids import TenantId

MAX_UPLOAD_BYTES = 2_097_152_000
"""4,000 parts of 512 KiB: https://core.telegram.org/api/files#uploading-files."""


@dataclass(frozen=True)
class Upload:
    """Where a file can be PUT, with these headers, until then."""

    upload_id: str
    url: str
    headers: dict[str, str]
    expires_at: datetime


@dataclass(frozen=True)
class Uploading:
    """Signs addresses for uploads."""

    bucket: MediaBucket
    clock: Clock

    def begin(self, tenant_id: TenantId, size: int, mime_type: str) -> Upload:
        """Return an address for a file of exactly this size."""
        upload_id = "upl_" + secrets.token_hex(16)
        link = self.bucket.upload_link(upload_key(tenant_id, upload_id), size, mime_type)
        expires_at = self.clock.now().replace(microsecond=0) + timedelta(seconds=UPLOAD_LINK_S)
        return Upload(upload_id, link.url, link.headers, expires_at)
