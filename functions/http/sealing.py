"""Encrypts tenants' secrets before they are stored, and opens those that are shown again. A role may use one purpose (`shared.crypto`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from shared.crypto import Envelope, KeysUnavailable, Purpose
from shared.errors import AvioError, Code
from shared.model.ids import TenantId
from shared.model.tenant import Sealed

RETRY_AFTER_S = 5


def seal(envelope: Envelope, tenant_id: TenantId, secret: str, purpose: Purpose = Purpose.SIGNING) -> Sealed:
    """Encrypt a secret under a data key of its own; raises `unavailable`."""
    with _unavailable():
        data_key = envelope.new_key(tenant_id, purpose)
    return Sealed(key=data_key.wrapped, sealed=data_key.seal(secret.encode()))


def unseal(envelope: Envelope, tenant_id: TenantId, sealed: Sealed, purpose: Purpose) -> str:
    """Return a sealed secret; raises `unavailable`, or DecryptionFailed if it was not sealed for this tenant and purpose."""
    with _unavailable():
        data_key = envelope.unwrap(tenant_id, purpose, sealed.key)
    return data_key.open(sealed.sealed).decode()


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except KeysUnavailable as error:
        detail = "Our encryption keys are not available right now. Try again."
        raise AvioError(Code.UNAVAILABLE, detail, retry_after_s=RETRY_AFTER_S) from error
