"""Fetching media, without HTTP (contract M5)."""

from __future__ import annotations

from dataclasses import dataclass

from shared.errors import AvioError, Code
from shared.media_bucket import MediaBucket
from shared.model.account import Account, AccountState
from shared.model.ids import Channel, TenantId
from shared.rpc.client import OwnerClient
from shared.rpc.get_media import GetMedia, MediaContent, MediaPending, MediaStored


@dataclass(frozen=True)
class Link:
    """An address from which the file can be had for a while."""

    url: str


@dataclass(frozen=True)
class Fetching:
    """Fetches by way of the account's owner."""

    owner: OwnerClient
    bucket: MediaBucket

    def fetch(self, tenant_id: TenantId, account: Account | None, media_id: str, *, thumbnail: bool) -> MediaContent | MediaPending | Link:
        """Return media, an address of it, or that it is still on its way. Safe to repeat."""
        state = account.standing if account else AccountState.NEW
        if not state.logged_in:
            raise AvioError(Code.NOT_AUTHORIZED, state=state.value)
        found = self.owner.call(tenant_id, Channel.TELEGRAM, account, GetMedia(media_id=media_id, thumbnail=thumbnail))
        if isinstance(found, MediaStored):
            return Link(self.bucket.link(found.key, found.file_name, found.mime_type))
        return found
