"""The signer of the queue's requests: byte for byte what botocore signs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import given
from hypothesis import strategies as st

from listener.core.request_signer import RequestSigner
from listener.core.sqs_sender import HEADERS

DAY = datetime(2026, 3, 1, 12, 0, 59, tzinfo=UTC)
KEY = ReadOnlyCredentials("KEY", "a secret", None)
URLS = [
    "https://sqs.eu-west-1.amazonaws.com/",
    "https://sqs.eu-west-1.amazonaws.com:443/",
    "http://127.0.0.1:4566/",
    "http://[::1]:4566/",
    "https://Proxy.Example/a path/äöü/../sqs/",
    "https://proxy.example/?b=2&a=1",
]
WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)


def signed_by_botocore(url: str, body: bytes, key: ReadOnlyCredentials) -> tuple[dict[str, str], datetime]:
    """Return the headers of a request that botocore signed, and as of when it signed it."""
    request = AWSRequest("POST", url, headers=HEADERS, data=body)
    SigV4Auth(key, "sqs", "eu-west-1").add_auth(request)
    headers = dict(request.headers.items())
    return headers, datetime.strptime(headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def signer(url: str, *times: datetime) -> RequestSigner:
    """Return a signer whose requests are made at these times."""
    clock = iter(times)
    return RequestSigner(url, "sqs", "eu-west-1", HEADERS, lambda: next(clock))


@given(st.sampled_from(URLS), st.binary(min_size=1, max_size=200), WORDS, WORDS, st.none() | WORDS)
def test_a_request_is_signed_as_botocore_signs_it(url: str, body: bytes, name: str, secret: str, token: str | None) -> None:
    """Whatever the endpoint, the body and the key, with a session token and without."""
    key = ReadOnlyCredentials(name, secret, token)
    theirs, time = signed_by_botocore(url, body, key)
    assert signer(url, time).signed(body, key) == theirs


def test_what_is_prepared_serves_one_day_and_one_key() -> None:
    """In any order of keys and days, each request is signed as by a signer that has signed nothing before."""
    other, with_token = ReadOnlyCredentials("KEY", "another secret", None), ReadOnlyCredentials("KEY", "a secret", "token")
    other_token = ReadOnlyCredentials("KEY", "a secret", "another token")
    requests = [
        (key, DAY + timedelta(hours=hours), b"%d" % number)
        for number, hours in enumerate((0, 0, 13, 0, 24 * 365))
        for key in (KEY, KEY, other, with_token, other_token, KEY)
    ]
    lasting = signer(URLS[0], *(time for _, time, _ in requests))
    for key, time, body in requests:
        assert lasting.signed(body, key) == signer(URLS[0], time).signed(body, key)


@pytest.mark.parametrize("change", ["body", "second", "secret"])
def test_the_signature_is_of_body_time_and_key(change: str) -> None:
    """None of them can be changed under it."""
    body = b"{}" if change == "body" else b"[]"
    time = DAY + timedelta(seconds=change == "second")
    key = ReadOnlyCredentials("KEY", "b secret", None) if change == "secret" else KEY
    changed, plain = signer(URLS[0], time).signed(body, key), signer(URLS[0], DAY).signed(b"[]", KEY)
    assert changed["Authorization"].rpartition("Signature=")[2] != plain["Authorization"].rpartition("Signature=")[2]


def test_a_signer_shows_no_secret() -> None:
    """Not even in a trace of its parts."""
    used = signer(URLS[0], DAY)
    used.signed(b"", ReadOnlyCredentials("KEY", "a secret", "a token"))
    shown = repr(vars(used))
    assert "a secret" not in shown
    assert "a token" not in shown
