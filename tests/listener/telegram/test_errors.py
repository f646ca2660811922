"""Telegram's errors to ours, by name."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from telethon import errors
from telethon.errors import rpc_message_to_error
from telethon.tl.types import RpcError

from listener.telegram.errors import _CODES, _ENDS, _WAITS, End, code_of, end_of, name_of, translate, translated, wait_of
from shared.errors import AvioError, Code
from shared.model.states import REASONS, Reason

UNKNOWN_TO_TELETHON = {
    "PrivacyPremiumRequiredError": (403, "PRIVACY_PREMIUM_REQUIRED"),
    "AllowPaymentRequiredError": (403, "ALLOW_PAYMENT_REQUIRED_50"),
}
"""Telegram's names for which Telethon 1.45 has no class."""

UNKNOWN_WAITS = {"PhoneNumberFloodWaitError"}


def answered(code: int, name: str) -> Any:
    """Return what Telethon raises for an error that Telegram answered with."""
    return rpc_message_to_error(RpcError(code, name), None)


def raised(name: str) -> Any:
    """Return the error of a table's name, as Telethon raises it."""
    if name in UNKNOWN_TO_TELETHON:
        return answered(*UNKNOWN_TO_TELETHON[name])
    kind = getattr(errors, name)
    return kind() if name == "AuthKeyNotFound" else kind(None)


@pytest.mark.parametrize("name", sorted({*_CODES, *_ENDS} - set(UNKNOWN_TO_TELETHON)))
def test_every_name_in_the_tables_is_one_of_telethons(name: str) -> None:
    """A misspelt one would never match."""
    assert isinstance(raised(name), Exception)
    assert name_of(raised(name)) == name


@pytest.mark.parametrize("name", sorted(UNKNOWN_TO_TELETHON))
def test_names_that_telethon_does_not_know_are_spelt_as_it_would(name: str) -> None:
    """From Telegram's own name, without its number; whatever the code is."""
    _, message = UNKNOWN_TO_TELETHON[name]
    assert not hasattr(errors, name)
    for code in (303, 400, 401, 403, 404, 406, 420):
        assert name_of(answered(code, message)) == name


def test_every_wait_is_one_of_telethons() -> None:
    """But for those that it may come to know."""
    assert {name for name in _WAITS if not hasattr(errors, name)} == UNKNOWN_WAITS


@pytest.mark.parametrize(("name", "code"), sorted(_CODES.items()))
def test_an_error_of_the_table_gets_its_code(name: str, code: Code) -> None:
    """Too many attempts also say when to try again."""
    error = translate(raised(name))
    assert error.code is code
    assert error.retry_after_s == (60 if code is Code.TOO_MANY_ATTEMPTS else None)


def test_numbers_decide_nothing() -> None:
    """401 is also a wanted password, 406 a dozen things."""
    assert translate(answered(401, "SESSION_PASSWORD_NEEDED")).code is Code.TWO_FA_REQUIRED
    assert translate(answered(401, "AUTH_KEY_UNREGISTERED")).code is Code.NOT_AUTHORIZED
    assert translate(answered(406, "SEND_CODE_UNAVAILABLE")).code is Code.CODE_UNAVAILABLE
    assert translate(answered(406, "UPDATE_APP_TO_LOGIN")).code is Code.TELEGRAM_APP_REJECTED
    assert end_of(answered(406, "UPDATE_APP_TO_LOGIN")) is None
    assert end_of(answered(401, "SESSION_PASSWORD_NEEDED")) is None
    for code in (400, 403, 406):
        assert translate(answered(code, "USER_IS_BLOCKED")).code is Code.WRITE_FORBIDDEN


@pytest.mark.parametrize("name", ["FLOOD_WAIT_33", "SLOWMODE_WAIT_33", "FLOOD_PREMIUM_WAIT_33", "FLOOD_TEST_PHONE_WAIT_33"])
def test_a_wait_says_for_how_long(name: str) -> None:
    """In seconds."""
    error = translate(answered(420, name))
    assert (error.code, error.retry_after_s) == (Code.FLOOD_WAIT, 33)


def test_a_frozen_account_is_no_flood_wait() -> None:
    """Telethon's class for it is a FloodError without seconds."""
    error = translate(answered(420, "FROZEN_METHOD_INVALID"))
    assert (error.code, error.retry_after_s) == (Code.ACCOUNT_FROZEN, None)


@pytest.mark.parametrize("code", [303, 400, 401, 403, 404, 406, 420])
def test_an_error_that_no_table_names_keeps_its_name(code: int) -> None:
    """So that whoever reads it can look it up."""
    error = translate(answered(code, "SOMETHING_NEW_7"))
    assert (error.code, error.fields) == (Code.TELEGRAM_ERROR, {"telegram": "SomethingNew"})


@pytest.mark.parametrize(("code", "name"), [(500, "INTERNAL"), (-500, "No workers running"), (-503, "Timeout"), (500, "RPC_CALL_FAIL")])
def test_telegrams_own_faults_are_unavailability(code: int, name: str) -> None:
    """Try again."""
    assert translate(answered(code, name)).code is Code.TELEGRAM_UNAVAILABLE


@pytest.mark.parametrize(
    ("error", "end"),
    [
        (answered(401, "AUTH_KEY_UNREGISTERED"), End.REVOKED),
        (answered(401, "SESSION_REVOKED"), End.REVOKED),
        (answered(401, "SESSION_EXPIRED"), End.REVOKED),
        (answered(401, "AUTH_KEY_INVALID"), End.REVOKED),
        (errors.AuthKeyNotFound(), End.KEY_UNKNOWN),
        (answered(406, "AUTH_KEY_DUPLICATED"), End.KEY_DUPLICATED),
        (answered(401, "USER_DEACTIVATED"), End.BANNED),
        (answered(401, "USER_DEACTIVATED_BAN"), End.BANNED),
    ],
)
def test_what_ends_a_session_is_known_also_behind_our_own_error(error: Any, end: End) -> None:
    """Bare, and as the cause of what the caller was told."""
    assert end_of(error) is end
    with pytest.raises(AvioError) as told, translated():
        raise error
    assert end_of(told.value) is end


def test_who_is_not_logged_in_any_more_is_told_the_accounts_state() -> None:
    """Of the documented states; why it is over is the status's to say, which has a reason for each of these ends."""
    told = {
        name: translate(answered(401, name)).fields["state"] for name in ("AUTH_KEY_UNREGISTERED", "SESSION_REVOKED", "USER_DEACTIVATED")
    }
    assert told == dict.fromkeys(told, "logged_out") | {"USER_DEACTIVATED": "banned"}
    assert all(Reason(end.value) in REASONS[end.state] for end in End)


def test_other_errors_end_nothing() -> None:
    """No error at all, a fault of the connection, a wait, an error of ours without a cause."""
    for error in (None, ConnectionError(), TimeoutError(), answered(420, "FLOOD_WAIT_3"), AvioError(Code.NOT_AUTHORIZED)):
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
    """Whatever Telethon makes of it."""
    with pytest.raises(AvioError) as told, translated():
        raise fault
    assert told.value.code is Code.TELEGRAM_UNAVAILABLE
    assert told.value.__cause__ is fault


@pytest.mark.parametrize("error", [ValueError("ours"), AvioError(Code.PEER_NOT_FOUND), asyncio.CancelledError()])
def test_what_is_not_telegrams_passes(error: BaseException) -> None:
    """A fault of ours is not hidden, an error of ours not changed, a cancellation not swallowed."""
    with pytest.raises(type(error)) as passed, translated():
        raise error
    assert passed.value is error


def test_no_two_tables_contradict_each_other() -> None:
    """What ends a session is told as that, and a wait has no code besides."""
    assert not set(_WAITS) & {*_CODES, *_ENDS}
    assert not set(_CODES) & set(_ENDS)


ELSEWHERE = {
    "ActiveUserRequiredError",  # accounts that were never activated cannot log in
    "AuthKeyPermEmptyError",  # temporary keys, which are not used
    "ChannelPublicGroupNaError",  # making groups
    "ChatAdminInviteRequiredError",
    "ChatSendGameForbiddenError",  # kinds of media that are not sent
    "ChatSendGifsForbiddenError",
    "ChatSendMediaForbiddenError",
    "ChatSendPhotosForbiddenError",
    "ChatSendPollForbiddenError",
    "ChatSendStickersForbiddenError",
    "ChatSendVideosForbiddenError",
    "ChatSendVoicesForbiddenError",
    "EditBotInviteForbiddenError",
    "FilerefUpgradeNeededError",  # downloading
    "FreshChangePhoneForbiddenError",  # settings of the account
    "FreshResetAuthorisationForbiddenError",
    "GroupcallAlreadyStartedError",
    "GroupcallForbiddenError",
    "InlineBotRequiredError",
    "MessageAuthorRequiredError",  # editing and deleting
    "MessageDeleteForbiddenError",
    "NotAllowedError",
    "PollVoteRequiredError",
    "PremiumCurrentlyUnavailableError",
    "PreviousChatImportActiveWaitMinError",
    "PublicChannelMissingError",
    "SensitiveChangeForbiddenError",
    "StickersetOwnerAnonymousError",
    "TakeoutInitDelayError",
    "TwoFaConfirmWaitError",  # deleting the account
    "UserRestrictedError",  # making channels
    "UserpicPrivacyRequiredError",
}
"""Names that nothing Avio calls can be answered with: they stay `telegram_error` with their name."""


@pytest.mark.parametrize("number", [401, 403, 406, 420])
def test_every_refusal_that_telethon_knows_was_judged(number: int) -> None:
    """By these numbers Telegram ends, forbids or puts off: a new Telethon with a new name fails here, and asks for a decision."""
    names = {
        name
        for name, kind in vars(errors.rpcerrorlist).items()
        if isinstance(kind, type) and kind.__module__ == errors.rpcerrorlist.__name__
    }
    known = {name for name in names if getattr(getattr(errors, name), "code", None) == number}
    assert known, "Telethon keeps its errors elsewhere now"
    assert known <= {*_CODES, *_ENDS, *_WAITS, *ELSEWHERE}


def test_what_was_judged_to_come_from_elsewhere_is_in_no_table() -> None:
    """Else it would be said to be both."""
    assert not ELSEWHERE & {*_CODES, *_ENDS, *_WAITS}
    assert all(hasattr(errors, name) for name in ELSEWHERE)


@pytest.mark.parametrize(
    ("error", "code", "wait_s"),
    [
        (None, Code.TELEGRAM_UNAVAILABLE, 0),
        (ConnectionError(), Code.TELEGRAM_UNAVAILABLE, 0),
        (TimeoutError(), Code.TELEGRAM_UNAVAILABLE, 0),
        (ValueError(), Code.INTERNAL_ERROR, 0),
        (answered(420, "FLOOD_WAIT_33"), Code.FLOOD_WAIT, 33),
        (AvioError(Code.FLOOD_WAIT, retry_after_s=33), Code.FLOOD_WAIT, 33),
        (answered(401, "AUTH_KEY_UNREGISTERED"), Code.NOT_AUTHORIZED, 0),
        (answered(420, "FROZEN_METHOD_INVALID"), Code.ACCOUNT_FROZEN, 0),
    ],
)
def test_what_ended_a_connection_is_told_as_a_code_and_for_how_long_to_wait(error: Any, code: Code, wait_s: float) -> None:
    """A status shows the code; the account waits at least for that long."""
    assert (code_of(error), wait_of(error)) == (code, wait_s)
