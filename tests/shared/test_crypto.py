"""Sealing and opening, and what does not open."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from shared.crypto import DataKey, DecryptionFailed, Envelope, KeysUnavailable, Purpose
from shared.model.ids import TenantId
from testing.fake_aws.client import InProcessClient
from testing.fake_aws.kms import FakeKms
from testing.fake_aws.service import Answer, Request, RequestRefused

ONE, OTHER = TenantId("0b7e9a52-0000-4000-8000-000000000001"), TenantId("0b7e9a52-0000-4000-8000-000000000002")


def envelope(kms: FakeKms) -> Envelope:
    """Return an envelope over a fake, which checks the encryption context as KMS does: the emulator does not."""
    client: Any = InProcessClient(kms.answer)
    return Envelope(lambda: client, "key")


class AwayKms(FakeKms):
    """Does not answer."""

    def answer(self, name: str, request: Request) -> Answer:
        """Be away."""
        raise EndpointConnectionError(endpoint_url="https://kms.example")


class RefusingKms(FakeKms):
    """Refuses everything, with one code."""

    def __init__(self, refusal: str) -> None:
        super().__init__()
        self._refusal = refusal

    def answer(self, name: str, request: Request) -> Answer:
        """Refuse."""
        raise RequestRefused(self._refusal)


KEY = envelope(FakeKms()).new_key(ONE, Purpose.SESSION)


@given(st.binary())
def test_what_was_sealed_opens(plain: bytes) -> None:
    """Byte for byte, empty included."""
    assert KEY.open(KEY.seal(plain)) == plain


@given(st.binary(), st.data())
def test_one_changed_bit_makes_it_unreadable(plain: bytes, data: st.DataObject) -> None:
    """Nonce, text or tag: wherever it is."""
    sealed = bytearray(KEY.seal(plain))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(DecryptionFailed):
        KEY.open(bytes(sealed))


@given(st.binary(), st.integers(min_value=1))
def test_what_was_cut_off_is_unreadable(plain: bytes, cut: int) -> None:
    """Down to nothing at all."""
    sealed = KEY.seal(plain)
    with pytest.raises(DecryptionFailed):
        KEY.open(sealed[: max(0, len(sealed) - cut)])


def test_the_same_text_is_sealed_differently_each_time() -> None:
    """A fresh nonce for each save."""
    assert KEY.seal(b"session") != KEY.seal(b"session")


def test_an_unwrapped_key_opens_what_the_first_one_sealed() -> None:
    """Another process, another day."""
    kms = FakeKms()
    made = envelope(kms).new_key(ONE, Purpose.SIGNING)
    sealed = made.seal(b"secret")
    assert envelope(kms).unwrap(ONE, Purpose.SIGNING, made.wrapped).open(sealed) == b"secret"


@pytest.mark.parametrize(("tenant_id", "purpose"), [(OTHER, Purpose.SESSION), (ONE, Purpose.SIGNING)])
def test_a_key_in_another_context_is_not_unwrapped(tenant_id: TenantId, purpose: Purpose) -> None:
    """A session copied to another tenant's row, or a role that asks under the wrong purpose. It never will be."""
    kms = FakeKms()
    made = envelope(kms).new_key(ONE, Purpose.SESSION)
    with pytest.raises(DecryptionFailed):
        envelope(kms).unwrap(tenant_id, purpose, made.wrapped)


def test_the_context_binds_the_sealed_bytes_too() -> None:
    """Even under the same data key: a KMS that did not check would not be enough to open it elsewhere."""
    made = envelope(FakeKms()).new_key(ONE, Purpose.SESSION)
    moved = DataKey(made.wrapped, made._plain, b'{"purpose":"session","tenant":"other"}')
    with pytest.raises(DecryptionFailed):
        moved.open(made.seal(b"session"))


def test_a_kms_that_does_not_answer_is_told_as_such() -> None:
    """Nobody is to take it for a broken session."""
    kms = AwayKms()
    with pytest.raises(KeysUnavailable):
        envelope(kms).new_key(ONE, Purpose.SESSION)
    with pytest.raises(KeysUnavailable):
        envelope(kms).unwrap(ONE, Purpose.SESSION, b"wrapped")


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        ("InvalidCiphertextException", DecryptionFailed),
        ("IncorrectKeyException", DecryptionFailed),
        ("AccessDeniedException", KeysUnavailable),
        ("DisabledException", KeysUnavailable),
        ("KMSInvalidStateException", KeysUnavailable),
        ("NotFoundException", KeysUnavailable),
        ("ThrottlingException", KeysUnavailable),
        ("KMSInternalException", KeysUnavailable),
    ],
)
def test_only_what_stays_refused_makes_a_key_unreadable(refusal: str, told: type[Exception]) -> None:
    """What an operator can take back, or time, is an outage: nobody loses a session by it."""
    with pytest.raises(told):
        envelope(RefusingKms(refusal)).unwrap(ONE, Purpose.SESSION, b"wrapped")


def test_a_refusal_is_named() -> None:
    """Whoever reads the log knows what to look for."""
    with pytest.raises(KeysUnavailable, match="DisabledException"):
        envelope(RefusingKms("DisabledException")).new_key(ONE, Purpose.SESSION)


def test_keys_are_not_printed() -> None:
    """Not by accident either."""
    assert repr(KEY._plain)[2:-1] not in repr(KEY)
    assert KEY._plain.hex() not in repr(KEY)
