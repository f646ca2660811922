"""Envelope encryption: AES-256-GCM under a data key of its own per tenant and purpose, wrapped by KMS.

    KMS key --wraps, context {tenant, role}--> data key --AES-GCM, fresh nonce, {tenant, purpose} as AAD--> sealed bytes

Both layers are bound: a session copied to another tenant's row opens nowhere, a role that may unwrap `signing` keys cannot unwrap
`session` ones, and what was sealed for one purpose opens for no other, though the same role may open both. The cipher is loaded, and the
KMS client made, when they are first used: no cold start pays for them in vain.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from shared.model.ids import TenantId

if TYPE_CHECKING:
    from types_boto3_kms import KMSClient

_NEVER_OPENS = {"InvalidCiphertextException", "IncorrectKeyException"}
"""What KMS answers where a wrapped key is damaged, of another context, or of another KMS key: asking again changes nothing.
https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html#API_Decrypt_Errors

Every other refusal concerns all keys and can be taken back (docs/decisions/a-refusal-by-kms.md).
"""

_NONCE_BYTES = 12  # NIST SP 800-38D, 8.2.2: 96 random bits; far below 2^32 saves under one key


class Purpose(StrEnum):
    """What a data key is for."""

    SESSION = "session"
    SIGNING = "signing"
    HEADERS = "headers"
    PROXY = "proxy"
    PROVIDER = "provider"

    @property
    def role(self) -> str:
        """The purpose that KMS hears of, and that roles are allowed: who signs a callback also sends its headers, and who opens a session
        also its proxy."""
        return {Purpose.HEADERS: Purpose.SIGNING, Purpose.PROXY: Purpose.SESSION}.get(self, self).value


class DecryptionFailed(Exception):
    """The sealed bytes, or their data key, are not what was sealed for this tenant and purpose. It stays so."""


class KeysUnavailable(Exception):
    """KMS did not answer, or refuses for now. Carries the name of what went wrong."""


@dataclass(frozen=True, repr=False)
class DataKey:
    """A data key in the clear, with its wrapped form to store. Never printed."""

    wrapped: bytes
    _plain: bytes
    _context: bytes

    def seal(self, plain: bytes) -> bytes:
        """Return nonce and ciphertext."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(_NONCE_BYTES)
        return nonce + AESGCM(self._plain).encrypt(nonce, plain, self._context)

    def open(self, sealed: bytes) -> bytes:
        """Return what `seal` was given; raises DecryptionFailed if a bit of it or of its context differs."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            return AESGCM(self._plain).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], self._context)
        except (InvalidTag, ValueError) as error:  # too short to hold a nonce: ValueError
            raise DecryptionFailed from error


class Envelope:
    """Makes and unwraps data keys: one KMS request each."""

    def __init__(self, kms: Callable[[], KMSClient], key_id: str) -> None:
        self._kms = kms
        self._key_id = key_id

    def new_key(self, tenant_id: TenantId, purpose: Purpose) -> DataKey:
        """Make a data key; raises KeysUnavailable."""
        context = {"tenant": tenant_id, "purpose": purpose.role}
        with _translated():
            answer = self._kms().generate_data_key(KeyId=self._key_id, KeySpec="AES_256", EncryptionContext=context)
        return DataKey(answer["CiphertextBlob"], answer["Plaintext"], _aad(tenant_id, purpose))

    def unwrap(self, tenant_id: TenantId, purpose: Purpose, wrapped: bytes) -> DataKey:
        """Return the data key that `new_key` made; raises KeysUnavailable, and DecryptionFailed where it can never be unwrapped."""
        context = {"tenant": tenant_id, "purpose": purpose.role}
        with _translated():
            answer = self._kms().decrypt(CiphertextBlob=wrapped, KeyId=self._key_id, EncryptionContext=context)
        return DataKey(wrapped, answer["Plaintext"], _aad(tenant_id, purpose))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        refusal = error.response.get("Error", {}).get("Code", "")
        if refusal in _NEVER_OPENS:
            raise DecryptionFailed from error
        raise KeysUnavailable(refusal or type(error).__name__) from error
    except BotoCoreError as error:
        raise KeysUnavailable(type(error).__name__) from error


def _aad(tenant_id: TenantId, purpose: Purpose) -> bytes:
    return json.dumps({"tenant": tenant_id, "purpose": purpose.value}, sort_keys=True, separators=(",", ":")).encode()
