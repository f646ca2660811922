"""The ids of media, as events carry them: `med_` and 43 characters.

An id says where the media is: in which account's box, in which chat, at which message. It holds no access hash and no file reference,
and it grants nothing: whoever asks for media needs a key of the tenant, and the tenant's own account asks Telegram for the message. The
digest is over the tenant too, so an id of another tenant is none here (docs/decisions/a-media-id-is-a-place.md).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from dataclasses import dataclass

from shared.model.ids import TenantId

_PLACE = struct.Struct(">BqqqB")  # version, account, chat, message, index
_VERSION = 1
_DIGEST = 6
_PREFIX = "med_"


@dataclass(frozen=True)
class MediaPlace:
    """Where media is. `index` tells several media of one message apart."""

    account_user_id: int
    chat_id: int
    message_id: int
    index: int = 0


def media_id(tenant_id: TenantId, place: MediaPlace) -> str:
    """Return the id of media at a place. The same place always has the same id."""
    packed = _PLACE.pack(_VERSION, place.account_user_id, place.chat_id, place.message_id, place.index)
    return _PREFIX + base64.urlsafe_b64encode(packed + _digest(tenant_id, packed)).decode().rstrip("=")


def place_of(tenant_id: TenantId, text: str) -> MediaPlace | None:
    """Return the place that an id of this tenant's media names; None for what is no such id."""
    encoded = text.removeprefix(_PREFIX)
    try:
        raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    packed, digest = raw[: _PLACE.size], raw[_PLACE.size :]
    if len(packed) < _PLACE.size or digest != _digest(tenant_id, packed):
        return None
    version, account, chat, message, index = _PLACE.unpack(packed)
    place = MediaPlace(account, chat, message, index)
    return place if version == _VERSION and media_id(tenant_id, place) == text else None


def _digest(tenant_id: TenantId, packed: bytes) -> bytes:
    return hashlib.sha256(tenant_id.encode() + packed).digest()[:_DIGEST]
