"""Translation of Telegram's errors, by name."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telethon import errors

from functions.http.errors import STATUS
from listener.telegram.requests.error_table import NAMES, TABLES, UNNAMED_WAIT_S, WAITS
from listener.telegram.requests.errors import _ENDS, SessionEndReason, code_of, end_of, name_of, translate, translated, wait_of
from shared.errors import AvioError, Code
from shared.model.states import REASONS, Reason
from tests.listener.telegram.rpc_errors import telethon_error

UNKNOWN_TO_TELETHON = {
    "ALLOW_PAYMENT_REQUIRED",
    "ANONYMOUS_REACTIONS_DISABLED",
    "BALANCE_TOO_LOW",
    "CUSTOM_REACTIONS_TOO_MANY",
    "EMAIL_CODE_INVALID",
    "EMAIL_NOT_ALLOWED",
    "INPUT_FILE_INVALID",
    "PAYMENT_UNSUPPORTED",
    "PRIVACY_PREMIUM_REQUIRED",
    "QUOTE_TEXT_INVALID",
    "REPLY_MESSAGE_ID_INVALID",
    "REPLY_TO_INVALID",
    "REPLY_TO_MONOFORUM_PEER_INVALID",
    "REPLY_TO_USER_INVALID",
    "TOPIC_CLOSED",
    "TOPIC_ID_INVALID",
    "WEBPAGE_NOT_FOUND",
}
"""Telegram's names for which Telethon 1.45 has no class."""

TELETHONS = sorted(
    (name, kind.code) for name, kind in (*errors.rpc_errors_dict.items(), *((p.replace(r"(\d+)", "7"), k) for p, k in errors.rpc_errors_re))
)
"""Every name that Telethon knows, with its number."""

OURS = {Code.TELEGRAM_ERROR, Code.TELEGRAM_UNAVAILABLE, Code.TELEGRAM_APP_REJECTED, Code.TELEGRAM_LAYER_REJECTED}
BY_KIND = {Code.REFUSED_BY_TELEGRAM, Code.FORBIDDEN_BY_TELEGRAM, Code.TELEGRAM_ERROR}
"""Codes of errors that have no code of their own."""

REVIEWED = {line for line in Path(__file__).with_name("reviewed_errors.txt").read_text().splitlines() if line and not line.startswith("#")}
"""Names that somebody has looked at, and that need no code of their own."""


@pytest.mark.parametrize("name", sorted({*NAMES, *_ENDS}))
def test_every_name_in_the_tables_is_one_of_telegrams(name: str) -> None:
    """A misspelt name would never match: Telethon knows each, or it is listed here."""
    known = {name_of(telethon_error(code, spelt)) for spelt, code in TELETHONS}
    assert (name in known) != (name in UNKNOWN_TO_TELETHON)


@pytest.mark.parametrize("number", [303, 400, 401, 403, 404, 406, 420])
@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_name_of_the_table_gets_its_code_whatever_its_number(name: str, number: int) -> None:
    """401 is also a wanted password, and 406 means a dozen things."""
    error = translate(telethon_error(number, name))
    assert error.code is NAMES[name]
    assert (error.retry_after_s is not None) == (error.code in WAITS)


@pytest.mark.parametrize(("name", "number"), TELETHONS)
def test_every_error_that_telethon_knows_is_either_the_callers_or_ours(name: str, number: int) -> None:
    """A fault of the request is never 5xx, a fault of Telegram or ours is never 4xx, and no name is lost."""
    error = translate(telethon_error(number, name))
    if number in (400, 403, 406, 420):
        assert STATUS[error.code] < 500 or error.code in OURS - {Code.TELEGRAM_ERROR}
    if abs(number) in (303, 500, 503) and name not in {*NAMES, *_ENDS}:
        assert error.code in OURS
    if error.code in BY_KIND:
        assert error.fields["telegram_error"]


def test_every_error_that_telethon_knows_was_looked_at() -> None:
    """It has a code, or is in the list of those that need none. A new Telethon brings new names: give them a code, or list them."""
    by_kind = {name_of(error) for name, number in TELETHONS if translate(error := telethon_error(number, name)).code in BY_KIND}
    assert by_kind - REVIEWED == set()
    assert REVIEWED - {name_of(telethon_error(number, name)) for name, number in TELETHONS} == set()


@pytest.mark.parametrize(
    ("number", "name", "code"),
    [
        (403, "ALLOW_PAYMENT_REQUIRED_25", Code.PAID_MESSAGE),
        (403, "CHAT_SEND_AUDIOS_FORBIDDEN", Code.CONTENT_FORBIDDEN),
        (403, "CHAT_SEND_ROUNDVIDEOS_FORBIDDEN", Code.CONTENT_FORBIDDEN),
        (403, "CHAT_SEND_HOLOGRAMS_FORBIDDEN", Code.CONTENT_FORBIDDEN),
        (403, "CHAT_GUEST_SEND_FORBIDDEN", Code.NOT_A_MEMBER),
        (403, "CHAT_ADMIN_REQUIRED", Code.ADMIN_REQUIRED),
        (404, "PEER_ID_INVALID", Code.PEER_NOT_FOUND),
        (406, "TOPIC_CLOSED", Code.TOPIC_CLOSED),
        (400, "INPUT_METHOD_INVALID_1192227_1400137063", Code.TELEGRAM_LAYER_REJECTED),
        (400, "INPUT_CONSTRUCTOR_INVALID_9fd736", Code.TELEGRAM_LAYER_REJECTED),
        (400, "INPUT_FETCH_ERROR", Code.TELEGRAM_LAYER_REJECTED),
        (400, "CONNECTION_LAYER_INVALID", Code.TELEGRAM_LAYER_REJECTED),
        (400, "CONNECTION_API_ID_INVALID", Code.TELEGRAM_APP_REJECTED),
        (400, "CONNECTION_NOT_INITED", Code.TELEGRAM_LAYER_REJECTED),
        (400, "INPUT_USER_DEACTIVATED", Code.RECIPIENT_DELETED),
        (400, "INPUT_FILE_INVALID", Code.ATTACHMENT_REFUSED),
        (400, "FILE_PART_7_MISSING", Code.ATTACHMENT_REFUSED),
        (-503, "Timeout", Code.TELEGRAM_UNAVAILABLE),
        (500, "AUTH_RESTART_7", Code.CODE_EXPIRED),
    ],
)
def test_names_of_a_family_share_its_code(number: int, name: str, code: Code) -> None:
    """Telegram adds names to them, and puts numbers and constructors into names."""
    assert translate(telethon_error(number, name)).code is code


@given(
    number=st.sampled_from([303, 400, 401, 403, 404, 406, 420, 500, -500, -503]),
    name=st.from_regex(r"[A-Z]{2,9}(_[A-Z]{2,9}){1,4}(_[0-9]{1,6})?", fullmatch=True),
)
def test_an_error_that_nobody_knows_is_judged_by_its_number(number: int, name: str) -> None:
    """It is the caller's fault, a wait, or ours; never an internal error."""
    error = translate(telethon_error(number, "UNHEARD_" + name))
    expected = {400: 400, 406: 400, 403: 403, 420: 429, 500: 503, 503: 503}
    assert STATUS[error.code] == expected.get(abs(number), 502)


def test_numbers_decide_nothing_about_a_session() -> None:
    """Only a name ends a session."""
    assert end_of(telethon_error(406, "UPDATE_APP_TO_LOGIN")) is None
    assert end_of(telethon_error(401, "SESSION_PASSWORD_NEEDED")) is None
    assert translate(telethon_error(401, "AUTH_KEY_UNREGISTERED")).code is Code.NOT_AUTHORIZED


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("FLOOD_WAIT_3", 3),
        ("FLOOD_WAIT_50000", 50000),
        ("FLOOD_PREMIUM_WAIT_9", 9),
        ("FLOOD_TEST_PHONE_WAIT_33", 33),
        ("SOMETHING_WAIT_17", 17),
        ("2FA_CONFIRM_WAIT_40", 40),
        ("SOMETHING_MUCH", UNNAMED_WAIT_S),
    ],
)
def test_a_wait_says_for_how_long(name: str, seconds: int) -> None:
    """In seconds, whether the name is known or not."""
    error = translate(telethon_error(420, name))
    assert (error.code, error.retry_after_s) == (Code.FLOOD_WAIT, seconds)


def test_slow_mode_is_told_from_other_waits() -> None:
    """It belongs to the chat, not to the account."""
    error = translate(telethon_error(420, "SLOWMODE_WAIT_33"))
    assert (error.code, error.retry_after_s) == (Code.SLOW_MODE, 33)


@pytest.mark.parametrize(
    ("name", "stars"), [("ALLOW_PAYMENT_REQUIRED_50", 50), ("ALLOW_PAYMENT_REQUIRED", None), ("BALANCE_TOO_LOW", None)]
)
def test_a_paid_message_names_its_price(name: str, stars: int | None) -> None:
    """In Stars, if Telegram sends the price."""
    error = translate(telethon_error(403, name))
    assert (error.code, error.fields["price_stars"]) == (Code.PAID_MESSAGE, stars)


def test_a_frozen_account_is_no_flood_wait() -> None:
    """Telethon's class for it is a FloodError without seconds."""
    error = translate(telethon_error(420, "FROZEN_METHOD_INVALID"))
    assert (error.code, error.retry_after_s) == (Code.ACCOUNT_FROZEN, None)


@pytest.mark.parametrize(("code", "name"), [(500, "INTERNAL"), (-500, "No workers running"), (-503, "Timeout"), (500, "RPC_CALL_FAIL")])
def test_telegrams_own_faults_are_unavailability(code: int, name: str) -> None:
    """The caller may try again."""
    assert translate(telethon_error(code, name)).code is Code.TELEGRAM_UNAVAILABLE


@pytest.mark.parametrize(
    ("error", "end"),
    [
        (telethon_error(401, "AUTH_KEY_UNREGISTERED"), SessionEndReason.REVOKED),
        (telethon_error(401, "SESSION_REVOKED"), SessionEndReason.REVOKED),
        (telethon_error(401, "SESSION_EXPIRED"), SessionEndReason.REVOKED),
        (telethon_error(401, "AUTH_KEY_INVALID"), SessionEndReason.REVOKED),
        (errors.AuthKeyNotFound(), SessionEndReason.KEY_UNKNOWN),
        (telethon_error(406, "AUTH_KEY_DUPLICATED"), SessionEndReason.KEY_DUPLICATED),
        (telethon_error(401, "USER_DEACTIVATED"), SessionEndReason.BANNED),
        (telethon_error(401, "USER_DEACTIVATED_BAN"), SessionEndReason.BANNED),
    ],
)
def test_what_ends_a_session_is_known_also_behind_our_own_error(error: Any, end: SessionEndReason) -> None:
    """Alone, and as the cause of an AvioError."""
    assert end_of(error) is end
    with pytest.raises(AvioError) as raised, translated():
        raise error
    assert end_of(raised.value) is end


def test_who_is_not_logged_in_any_more_is_told_the_accounts_state() -> None:
    """The state is documented; the status has a reason for each of these ends."""
    told = {
        name: translate(telethon_error(401, name)).fields["state"]
        for name in ("AUTH_KEY_UNREGISTERED", "SESSION_REVOKED", "USER_DEACTIVATED")
    }
    assert told == dict.fromkeys(told, "logged_out") | {"USER_DEACTIVATED": "banned"}
    assert all(Reason(end.value) in REASONS[end.state] for end in SessionEndReason)


def test_other_errors_end_nothing() -> None:
    """No error, a connection fault, a wait, and an AvioError without a cause."""
    for error in (None, ConnectionError(), TimeoutError(), telethon_error(420, "FLOOD_WAIT_3"), AvioError(Code.NOT_AUTHORIZED)):
        assert end_of(error) is None


@pytest.mark.parametrize(
    "fault",
    [
        ConnectionError("Connection to Telegram failed 4 time(s)"),
        TimeoutError(),
        OSError(113, "No route to host"),
        asyncio.IncompleteReadError(b"", 8),
        errors.InvalidBufferError((-429).to_bytes(4, "little", signed=True)),
        errors.InvalidChecksumError(1, 2),
        errors.AuthKeyNotFound(),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_a_fault_of_the_connection_is_unavailability(fault: Exception) -> None:
    """Whatever class Telethon raises for it."""
    with pytest.raises(AvioError) as raised, translated():
        raise fault
    assert raised.value.code is Code.TELEGRAM_UNAVAILABLE
    assert raised.value.__cause__ is fault


@pytest.mark.parametrize("error", [ValueError("ours"), AvioError(Code.PEER_NOT_FOUND), asyncio.CancelledError()])
def test_what_is_not_telegrams_passes(error: BaseException) -> None:
    """A bug is not hidden, an AvioError is not changed, a cancellation is not swallowed."""
    with pytest.raises(type(error)) as passed, translated():
        raise error
    assert passed.value is error


def test_no_two_tables_contradict_each_other() -> None:
    """A name that ends a session has no code besides."""
    assert not set(NAMES) & set(_ENDS)
    assert sum(map(len, TABLES)) == len(NAMES)


@pytest.mark.parametrize(
    ("error", "code", "wait_s"),
    [
        (None, Code.TELEGRAM_UNAVAILABLE, 0),
        (ConnectionError(), Code.TELEGRAM_UNAVAILABLE, 0),
        (TimeoutError(), Code.TELEGRAM_UNAVAILABLE, 0),
        (ValueError(), Code.INTERNAL_ERROR, 0),
        (telethon_error(420, "FLOOD_WAIT_33"), Code.FLOOD_WAIT, 33),
        (AvioError(Code.FLOOD_WAIT, retry_after_s=33), Code.FLOOD_WAIT, 33),
        (telethon_error(401, "AUTH_KEY_UNREGISTERED"), Code.NOT_AUTHORIZED, 0),
        (telethon_error(420, "FROZEN_METHOD_INVALID"), Code.ACCOUNT_FROZEN, 0),
    ],
)
def test_what_ended_a_connection_is_told_as_a_code_and_for_how_long_to_wait(error: Any, code: Code, wait_s: float) -> None:
    """A status shows the code; the account waits at least that long."""
    assert (code_of(error), wait_of(error)) == (code, wait_s)
