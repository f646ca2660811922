"""What sessions and marks are stored as."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from listener.telegram.session import Identity, PendingLogin, Session
from listener.telegram.updates.update_state import ChannelState, UpdateState

KEY = bytes(range(256))
LOGIN = PendingLogin(
    phone="+15550100001", phone_code_hash="hash", delivery="app", length=5, next_type=None, resend_at=datetime(2026, 3, 1, tzinfo=UTC)
)
SESSION = Session(Identity(7), 2, "10.0.0.1", 443, auth_key=KEY, user_id=5, login=LOGIN)
STORED_SESSION = (
    '{"identity":{"api_id":7,"device_model":"Avio","system_version":"1","app_version":"1","lang_code":"en","system_lang_code":"en"},'
    f'"dc_id":2,"address":"10.0.0.1","port":443,"auth_key":"{b64encode(KEY).decode()}","user_id":5,"login":'
    '{"phone":"+15550100001","phone_code_hash":"hash","delivery":"app","length":5,"next_type":null,'
    '"resend_at":"2026-03-01T00:00:00Z","by_email":false,"code_accepted":false}}'
)
MARKS = UpdateState(1, 2, 3, 4, channels={7: ChannelState(8, 9, -(2**62))})
STORED_MARKS = '{"pts":1,"qts":2,"date":3,"seq":4,"message_id":0,"seeded":0,"channels":{"7":[8,9,-4611686018427387904]}}'


def test_what_is_stored_stays_as_it_is() -> None:
    """Accounts that were logged in by an earlier version live on, and one can be gone back to."""
    assert (SESSION.written(), Session.read(STORED_SESSION)) == (STORED_SESSION, SESSION)
    assert (MARKS.written(), UpdateState.read(STORED_MARKS)) == (STORED_MARKS, MARKS)


def test_what_is_not_understood_is_refused_without_being_quoted() -> None:
    """An error may reach a log, and this is a key to somebody's account."""
    with pytest.raises(ValidationError) as refused:
        Session.read(STORED_SESSION.replace('"port":443', '"port":"open sesame"'))
    assert "sesame" not in str(refused.value)
    with pytest.raises(ValidationError):
        Session.read(STORED_SESSION.replace('"user_id"', '"user"'))
    with pytest.raises(ValidationError):
        UpdateState.read(STORED_MARKS.replace('"seq"', '"sequence"'))


def test_a_session_that_is_printed_does_not_show_its_key() -> None:
    """Neither as bytes nor as what is stored."""
    assert repr(KEY[100:110])[2:-1] not in repr(SESSION)
    assert "dc_id=2" in repr(SESSION)
