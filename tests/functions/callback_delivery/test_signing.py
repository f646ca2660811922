"""The headers that a receiver checks."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from functions.callback_delivery.signing import headers
from shared.model.ids import EventId
from shared.model.tenant import new_signing_secret

ID = EventId("evt_1")


def independent(key: bytes, said: dict[str, str], body: bytes) -> str:
    """Sign as the Standard Webhooks specification says, by the standard library alone."""
    content = f"{said['webhook-id']}.{said['webhook-timestamp']}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def test_a_receiver_verifies_with_the_standard_library_of_its_choice() -> None:
    """The signature is what the specification says, and what its own library accepts."""
    secret, body = new_signing_secret().get_secret_value(), '{"text":"Привет"}'.encode()
    said = headers(ID, datetime.now(UTC), 1, body, secret)
    assert said["webhook-signature"] == independent(base64.b64decode(secret.removeprefix("whsec_")), said, body)
    assert Webhook(secret).verify(body, said) == {"text": "Привет"}


def test_x_signature_is_keyed_with_the_whole_secret() -> None:
    """As the first customers check it: HMAC-SHA256 of the raw body under the secret's own bytes, in hex."""
    said = headers(ID, datetime.now(UTC), 1, b"{}", "whsec_AAAA")
    assert said["X-Signature"] == "sha256=" + hmac.new(b"whsec_AAAA", b"{}", hashlib.sha256).hexdigest()


def test_a_changed_body_does_not_verify() -> None:
    """One byte more, and both signatures are wrong."""
    secret = new_signing_secret().get_secret_value()
    said = headers(ID, datetime.now(UTC), 1, b"{}", secret)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(b"{ }", said)
    assert headers(ID, datetime.now(UTC), 1, b"{ }", secret)["X-Signature"] != said["X-Signature"]


def test_without_a_secret_there_is_no_signature() -> None:
    """The event is still named, timed and counted."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert headers(ID, at, 3, b"{}", None) == {"webhook-id": "evt_1", "webhook-timestamp": "1767225600", "webhook-attempt": "3"}


@given(st.text(min_size=1, alphabet=st.characters(exclude_categories=["Cs"])), st.binary())
def test_any_secret_that_a_deployment_sets_can_sign(secret: str, body: bytes) -> None:
    """CALLBACK_SIGNING_SECRET may be any text; it never fails, and both headers are there."""
    said = headers(ID, datetime(2026, 1, 1, tzinfo=UTC), 1, body.decode("latin-1").encode(), secret)
    assert said["webhook-signature"].startswith("v1,")
    assert said["X-Signature"].startswith("sha256=")


def test_the_body_alone_decides_the_signature_at_a_time() -> None:
    """A later attempt differs in its count only: id, time and bytes being equal, the signatures are."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    first, second = headers(ID, at, 1, b"{}", "whsec_AAAA"), headers(ID, at, 2, b"{}", "whsec_AAAA")
    assert {**first, "webhook-attempt": "2"} == second


def test_while_secrets_overlap_a_receiver_may_know_any_of_them() -> None:
    """One Standard Webhooks signature for each, the newest first; the other header goes by the oldest."""
    oldest, old, new = (new_signing_secret().get_secret_value() for _ in range(3))
    said = headers(ID, datetime.now(UTC), 1, b"{}", new, (oldest, old))
    for secret in (oldest, old, new):
        assert Webhook(secret).verify(b"{}", said) == {}
    assert said["webhook-signature"].split() == [
        independent(base64.b64decode(secret.removeprefix("whsec_")), said, b"{}") for secret in (new, old, oldest)
    ]
    assert said["X-Signature"] == "sha256=" + hmac.new(oldest.encode(), b"{}", hashlib.sha256).hexdigest()
    with pytest.raises(WebhookVerificationError):
        Webhook(new_signing_secret().get_secret_value()).verify(b"{}", said)
