"""Logging in and out, against the test server."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from telethon.tl import functions

from listener.telegram.login import login_requests
from listener.telegram.login.sent_codes import RESEND_AFTER_S
from listener.telegram.session import PendingLogin
from shared.errors import AvioError, Code
from testing.telegram_server.control.specs import CodeSpec, PersonPatch
from testing.telegram_server.faults import FaultSpec
from testing.telegram_server.model.person import Delivery
from tests.listener.telegram.clients import ANN, NOW, TelegramHarness

PASSWORD = "a second factor"


async def refused(call: Any) -> AvioError:
    """Return the error that a call raises."""
    with pytest.raises(AvioError) as raised:
        await call
    return raised.value


def person(telegram: TelegramHarness, **changes: Any) -> None:
    telegram.server.people.patch(ANN, PersonPatch(**changes))


# Starting


@pytest.mark.parametrize(
    ("delivery", "told", "length"),
    [
        ("app", "app", 6),
        ("sms", "sms", 6),
        ("call", "call", 6),
        ("flash_call", "call", None),
        ("missed_call", "call", 6),
        ("fragment", "fragment", 6),
        ("email", "email", 6),
    ],
)
async def test_a_code_is_sent_in_each_way(telegram: TelegramHarness, delivery: Delivery, told: str, length: int | None) -> None:
    """The answer names delivery and length, as far as Telegram does."""
    person(telegram, code=CodeSpec(deliveries=[delivery], length=6))
    async with telegram.log_in_client() as client:
        found = await telegram.start(client)
    assert (found.delivery, found.length, found.next_type, found.by_email) == (told, length, None, delivery == "email")
    assert found.resend_at == NOW + timedelta(seconds=RESEND_AFTER_S)


@pytest.mark.parametrize(
    ("following", "told"), [("sms", "sms"), ("call", "call"), ("flash_call", "call"), ("missed_call", "call"), ("fragment", "fragment")]
)
async def test_the_next_way_is_told(telegram: TelegramHarness, following: Delivery, told: str) -> None:
    """And when it may be requested."""
    person(telegram, code=CodeSpec(deliveries=["app", following], resend_after_s=45))
    async with telegram.log_in_client() as client:
        found = await telegram.start(client)
    assert (found.next_type, found.resend_at) == (told, NOW + timedelta(seconds=45))


@pytest.mark.parametrize(
    ("delivery", "form", "told"),
    [
        ("sms_word", "word", ("beginning",)),
        ("sms_phrase", "phrase", ("beginning",)),
        ("flash_call", "caller_number", ("pattern",)),
        ("missed_call", "caller_digits", ("beginning", "length")),
        ("fragment", "digits", ("length", "url")),
        ("email", "digits", ("email_pattern", "length")),
        ("sms", "digits", ("length",)),
    ],
)
async def test_what_the_code_is_and_where_it_shows_is_told(
    telegram: TelegramHarness, delivery: Delivery, form: str, told: tuple[str, ...]
) -> None:
    """Each way with what one has to know to type the code, and nothing else; the code then logs in."""
    person(telegram, code=CodeSpec(deliveries=[delivery]))
    async with telegram.log_in_client() as client:
        found = await telegram.start(client)
        assert found.form == form
        known = {name: getattr(found, name) for name in ("beginning", "email_pattern", "length", "pattern", "url")}
        assert tuple(name for name, value in known.items() if value is not None) == tuple(sorted(told))
        code = await telegram.code()
        assert code.startswith(found.beginning or "") or form == "caller_digits"
        assert (await login_requests.sign_in(client, found, code)).id == telegram.id_of(ANN)


async def test_a_code_for_official_apps_is_asked_for_in_the_next_way(telegram: TelegramHarness) -> None:
    """No other app gets a Firebase SMS, so there is nothing to wait for."""
    person(telegram, code=CodeSpec(deliveries=["firebase", "call"]))
    async with telegram.log_in_client() as client:
        found = await telegram.start(client)
        assert (found.delivery, found.next_type, found.resend_at) == ("firebase", "call", NOW)
        again = await login_requests.resend(client, found, NOW)
        assert isinstance(again, PendingLogin)
        assert again.delivery == "call"


async def test_a_code_for_official_apps_without_another_way_is_unavailable(telegram: TelegramHarness) -> None:
    """Nothing that the caller could type will come."""
    person(telegram, code=CodeSpec(deliveries=["firebase"]))
    async with telegram.log_in_client() as client:
        assert (await refused(telegram.start(client))).code is Code.CODE_UNAVAILABLE


async def test_a_log_in_email_is_set_up_and_gets_the_code(telegram: TelegramHarness) -> None:
    """Address, code, then the log-in code at that address, under another hash."""
    person(telegram, code=CodeSpec(deliveries=["set_up_email"]))
    async with telegram.log_in_client() as client:
        wanted = await telegram.start(client)
        assert (wanted.email_wanted, wanted.email_sent, wanted.delivery) == (True, False, "email")
        assert (await refused(login_requests.send_email_code(client, wanted, "nonsense"))).code is Code.INVALID_EMAIL
        asked = await login_requests.send_email_code(client, wanted, "ann@example.org")
        assert (asked.email_sent, asked.email_pattern, asked.length) == (True, "a***n@example.org", 5)
        assert (await refused(login_requests.verify_email(client, asked, "00", NOW))).code is Code.INVALID_CODE
        sent = await login_requests.verify_email(client, asked, await telegram.code(), NOW)
        assert isinstance(sent, PendingLogin)
        assert (sent.by_email, sent.email_wanted, sent.email_pattern) == (True, False, "a***n@example.org")
        assert sent.phone_code_hash != wanted.phone_code_hash
        assert (await refused(login_requests.verify_email(client, asked, "00", NOW))).code is Code.CODE_EXPIRED
        assert (await login_requests.sign_in(client, sent, await telegram.code())).id == telegram.id_of(ANN)


async def test_an_email_that_telegram_does_not_take_is_told(telegram: TelegramHarness) -> None:
    """The caller gives another one."""
    person(telegram, code=CodeSpec(deliveries=["set_up_email"]))
    fault = FaultSpec(kind="error", method="account.sendVerifyEmailCode", code=400, message="EMAIL_NOT_ALLOWED", phone=ANN)
    telegram.server.operation.inject(fault)
    async with telegram.log_in_client() as client:
        wanted = await telegram.start(client)
        assert (await refused(login_requests.send_email_code(client, wanted, "ann@example.org"))).code is Code.INVALID_EMAIL


async def test_the_password_may_be_wanted_without_a_code(telegram: TelegramHarness) -> None:
    """SESSION_PASSWORD_NEEDED at auth.sendCode."""
    person(telegram, password=PASSWORD, code=CodeSpec(deliveries=["success"]))
    async with telegram.log_in_client() as client:
        found = await telegram.start(client)
        assert found.code_accepted
        assert (await login_requests.check_password(client, PASSWORD)).id == telegram.id_of(ANN)


async def test_a_payment_that_is_wanted_is_refused(telegram: TelegramHarness) -> None:
    """Telegram sends no code before it is paid."""
    person(telegram, code=CodeSpec(deliveries=["payment_required"]))
    async with telegram.log_in_client() as client:
        assert (await refused(telegram.start(client))).code is Code.PAYMENT_REQUIRED


async def test_a_start_may_succeed_at_once(telegram: TelegramHarness) -> None:
    """Telegram requires no code."""
    person(telegram, code=CodeSpec(deliveries=["success"]))
    async with telegram.log_in_client() as client:
        found: Any = await login_requests.start(client, telegram.endpoint, ANN, NOW)
    assert found.id == telegram.id_of(ANN)


async def test_a_success_for_a_phone_without_an_account_is_none(telegram: TelegramHarness) -> None:
    """Only official apps may sign up."""
    person(telegram, registered=False, code=CodeSpec(deliveries=["success"]))
    async with telegram.log_in_client() as client:
        assert (await refused(telegram.start(client))).code is Code.PHONE_NOT_REGISTERED


@pytest.mark.parametrize("name", ["AUTH_RESTART", "AUTH_RESTART_7"])
async def test_a_start_that_telegram_wants_anew_is_made_anew_once(telegram: TelegramHarness, name: str) -> None:
    """After AUTH_RESTART, with or without a number; then the error says what to do."""
    fault = FaultSpec(kind="error", method="auth.sendCode", code=500, message=name)
    telegram.server.operation.inject(fault)
    async with telegram.log_in_client() as client:
        assert await telegram.start(client)
        telegram.server.operation.inject(fault.model_copy(update={"times": 2}))
        error = await refused(telegram.start(client))
    assert (error.code, "auth/start" in error.detail) == (Code.TELEGRAM_UNAVAILABLE, True)


async def test_a_sign_in_that_telegram_wants_anew_is_made_anew_once(telegram: TelegramHarness) -> None:
    """The second time the log-in has to begin anew."""
    fault = FaultSpec(kind="error", method="auth.signIn", code=500, message="AUTH_RESTART")
    async with telegram.log_in_client() as client:
        found = await telegram.start(client)
        telegram.server.operation.inject(fault.model_copy(update={"times": 2}))
        error = await refused(login_requests.sign_in(client, found, await telegram.code()))
        assert (error.code, "auth/start" in error.detail) == (Code.CODE_EXPIRED, True)
        telegram.server.operation.inject(fault)
        assert (await login_requests.sign_in(client, found, await telegram.code())).id == telegram.id_of(ANN)


@pytest.mark.parametrize("phone", ["nonsense", "+0"])
async def test_a_phone_that_is_none_is_refused(telegram: TelegramHarness, phone: str) -> None:
    """By Telegram."""
    async with telegram.log_in_client() as client:
        assert (await refused(telegram.start(client, phone))).code is Code.INVALID_PHONE


async def test_a_banned_phone_is_refused(telegram: TelegramHarness) -> None:
    """Before any code."""
    person(telegram, banned=True)
    async with telegram.log_in_client() as client:
        assert (await refused(telegram.start(client))).code is Code.PHONE_BANNED


async def test_a_flood_says_how_long_to_wait(telegram: TelegramHarness) -> None:
    """The wait is returned, not slept."""
    telegram.server.operation.inject(FaultSpec(kind="flood_wait", phone=ANN, method="auth.sendCode", seconds=90))
    async with telegram.log_in_client() as client:
        error = await refused(telegram.start(client))
    assert (error.code, error.retry_after_s) == (Code.FLOOD_WAIT, 90)


@pytest.mark.parametrize(("name", "code"), [("API_ID_INVALID", Code.TELEGRAM_APP_REJECTED), ("PHONE_NUMBER_FLOOD", Code.TOO_MANY_ATTEMPTS)])
async def test_other_refusals_of_a_start_are_told_by_name(telegram: TelegramHarness, name: str, code: Code) -> None:
    """By the error table."""
    telegram.server.operation.inject(FaultSpec(kind="error", method="auth.sendCode", code=400, message=name))
    async with telegram.log_in_client() as client:
        assert (await refused(telegram.start(client))).code is code


async def test_a_broken_connection_is_unavailability(telegram: TelegramHarness) -> None:
    """The step may be repeated."""
    telegram.server.operation.inject(FaultSpec(kind="drop_before", method="auth.sendCode"))
    async with telegram.log_in_client() as client:
        assert (await refused(telegram.start(client))).code is Code.TELEGRAM_UNAVAILABLE


# Resending and signing in


async def test_resending_moves_on_to_the_next_way_until_there_is_none(telegram: TelegramHarness) -> None:
    """Then it is refused: here if that is known, by Telegram otherwise."""
    person(telegram, code=CodeSpec(deliveries=["app", "sms"]))
    async with telegram.log_in_client() as client:
        first = await telegram.start(client)
        old = await telegram.code()
        second = await login_requests.resend(client, first, NOW)
        assert isinstance(second, PendingLogin)
        assert (second.delivery, second.next_type) == ("sms", None)
        assert (await refused(login_requests.resend(client, second, NOW))).code is Code.CODE_UNAVAILABLE
        asked = telegram.counted("calls")["auth.resendCode"]
        assert (
            await refused(login_requests.resend(client, second.model_copy(update={"next_type": "sms"}), NOW))
        ).code is Code.CODE_UNAVAILABLE
        assert (asked, telegram.counted("calls")["auth.resendCode"]) == (1, 2)
        assert (await login_requests.sign_in(client, second, await telegram.code())).id == telegram.id_of(ANN)
        assert old


async def test_a_code_that_was_taken_back_is_good_no_more(telegram: TelegramHarness) -> None:
    """It counts as expired."""
    async with telegram.log_in_client() as client:
        found = await telegram.start(client)
        code = await telegram.code()
        await login_requests.cancel(client, found)
        assert (await refused(login_requests.sign_in(client, found, code))).code is Code.CODE_EXPIRED


async def test_a_wrong_code_leaves_the_right_one_good(telegram: TelegramHarness) -> None:
    """The user may type it again."""
    async with telegram.log_in_client() as client:
        found = await telegram.start(client)
        assert (await refused(login_requests.sign_in(client, found, "00"))).code is Code.INVALID_CODE
        assert (await refused(login_requests.sign_in(client, found, ""))).code is Code.INVALID_CODE
        assert (await login_requests.sign_in(client, found, await telegram.code())).id == telegram.id_of(ANN)


async def test_an_old_code_has_expired(telegram: TelegramHarness) -> None:
    """A new code has to be requested."""
    async with telegram.log_in_client() as client:
        found = await telegram.start(client)
        code = await telegram.code()
        telegram.server.clock.advance(301)
        assert (await refused(login_requests.sign_in(client, found, code))).code is Code.CODE_EXPIRED


async def test_a_log_in_goes_on_over_another_connection_with_its_key(telegram: TelegramHarness) -> None:
    """Each step connects anew; only the key is shared."""
    async with telegram.log_in_client() as client:
        found, session, made = await telegram.start(client), client.current(), telegram.counted("keys_created")
    assert session.auth_key
    async with telegram.log_in_client(session=session) as client:
        assert (await login_requests.sign_in(client, found, await telegram.code())).id == telegram.id_of(ANN)
    assert telegram.counted("keys_created") == made  # may be 2: Telethon cannot use one key in 256, and makes another


async def test_a_phone_without_an_account_is_told_by_its_code(telegram: TelegramHarness) -> None:
    """Telegram says so only after the right code."""
    person(telegram, registered=False)
    async with telegram.log_in_client() as client:
        found = await telegram.start(client)
        assert (await refused(login_requests.sign_in(client, found, await telegram.code()))).code is Code.PHONE_NOT_REGISTERED


async def test_an_email_code_is_presented_as_one(telegram: TelegramHarness) -> None:
    """In its own field, with the other field empty."""
    person(telegram, code=CodeSpec(deliveries=["email"]))
    async with telegram.log_in_client() as client:
        found = await telegram.start(client)
        assert (await refused(login_requests.sign_in(client, found, "00"))).code is Code.INVALID_CODE
        assert (await login_requests.sign_in(client, found, await telegram.code())).id == telegram.id_of(ANN)


# The password


async def test_the_password_is_asked_for_after_the_code_and_a_wrong_one_burns_nothing(telegram: TelegramHarness) -> None:
    """The code stays accepted, and the right password logs in."""
    person(telegram, password=PASSWORD)
    async with telegram.log_in_client() as client:
        found = await telegram.start(client)
        assert (await refused(login_requests.sign_in(client, found, await telegram.code()))).code is Code.TWO_FA_REQUIRED
        assert (await refused(login_requests.check_password(client, "wrong"))).code is Code.BAD_PASSWORD
        assert (await refused(login_requests.check_password(client, ""))).code is Code.BAD_PASSWORD
        assert (await login_requests.check_password(client, PASSWORD)).id == telegram.id_of(ANN)


@pytest.mark.parametrize("name", ["SRP_ID_INVALID", "SRP_PASSWORD_CHANGED"])
async def test_parameters_that_changed_in_between_are_asked_for_again(telegram: TelegramHarness, name: str) -> None:
    """Once."""
    person(telegram, password=PASSWORD)
    async with telegram.log_in_client() as client:
        found = await telegram.start(client)
        await refused(login_requests.sign_in(client, found, await telegram.code()))
        telegram.server.operation.inject(FaultSpec(kind="error", method="auth.checkPassword", code=400, message=name))
        assert (await login_requests.check_password(client, PASSWORD)).id == telegram.id_of(ANN)
    assert telegram.counted("calls")["account.getPassword"] == 2


async def test_parameters_that_keep_changing_are_told(telegram: TelegramHarness) -> None:
    """The password is tried twice, and then the caller may try again."""
    person(telegram, password=PASSWORD)
    async with telegram.log_in_client() as client:
        found = await telegram.start(client)
        await refused(login_requests.sign_in(client, found, await telegram.code()))
        fault = FaultSpec(kind="error", method="auth.checkPassword", code=400, message="SRP_PASSWORD_CHANGED", times=2)
        telegram.server.operation.inject(fault)
        assert (await refused(login_requests.check_password(client, PASSWORD))).code is Code.TELEGRAM_UNAVAILABLE
        assert (await login_requests.check_password(client, PASSWORD)).id == telegram.id_of(ANN)


async def test_too_many_passwords_are_told_with_a_wait(telegram: TelegramHarness) -> None:
    """PHONE_PASSWORD_FLOOD is a 406, and does not end the session."""
    person(telegram, password=PASSWORD)
    telegram.server.operation.inject(FaultSpec(kind="error", method="auth.checkPassword", code=406, message="PHONE_PASSWORD_FLOOD"))
    async with telegram.log_in_client() as client:
        found = await telegram.start(client)
        await refused(login_requests.sign_in(client, found, await telegram.code()))
        error = await refused(login_requests.check_password(client, PASSWORD))
    assert (error.code, error.retry_after_s) == (Code.TOO_MANY_ATTEMPTS, 60)


# Logged in


async def test_whose_key_it_is_can_be_asked(telegram: TelegramHarness) -> None:
    """It belongs to nobody before the log-in, nor while a password is missing."""
    person(telegram, password=PASSWORD)
    async with telegram.log_in_client() as client:
        assert await login_requests.myself(client) is None
        found = await telegram.start(client)
        await refused(login_requests.sign_in(client, found, await telegram.code()))
        assert await login_requests.myself(client) is None
        await login_requests.check_password(client, PASSWORD)
        me = await login_requests.myself(client)
    assert me is not None
    assert me.id == telegram.id_of(ANN)


async def test_a_fault_does_not_pass_for_being_logged_out(telegram: TelegramHarness) -> None:
    """A wait or a broken connection does not tell whose key it is."""
    account = await telegram.log_in()
    async with telegram.log_in_client(session=account.session) as client:
        telegram.server.operation.inject(FaultSpec(kind="flood_wait", method="users.getUsers", seconds=30))
        assert (await refused(login_requests.myself(client))).code is Code.FLOOD_WAIT
    async with telegram.log_in_client(session=account.session) as client:
        telegram.server.operation.inject(FaultSpec(kind="drop_before", method="users.getUsers"))
        assert (await refused(login_requests.myself(client))).code is Code.TELEGRAM_UNAVAILABLE


async def test_the_first_state_is_the_accounts_present_state(telegram: TelegramHarness) -> None:
    """Earlier messages are not fetched, later messages are."""
    telegram.write("before")
    account = await telegram.log_in()
    async with telegram.log_in_client(session=account.session) as client:
        state = await client.invoke(functions.updates.GetStateRequest())
    assert (account.state.pts, account.state.seq) == (state.pts, state.seq)
    assert account.state.channels == {}


async def test_logging_out_ends_the_session_at_telegram(telegram: TelegramHarness) -> None:
    """Its key is useless afterwards."""
    account = await telegram.log_in()
    async with telegram.log_in_client(session=account.session) as client:
        await login_requests.log_out(client)
        assert await login_requests.myself(client) is None
    assert telegram.server.people.authorizations(ANN) == []


async def test_an_acknowledgement_of_logging_out_is_enough(telegram: TelegramHarness) -> None:
    """Telegram may send nothing more."""
    account = await telegram.log_in()
    telegram.server.operation.inject(FaultSpec(kind="delay", method="auth.logOut", seconds=3600))
    async with telegram.log_in_client(session=account.session) as client:
        await login_requests.log_out(client)


async def test_logging_out_of_a_session_that_is_over_is_told(telegram: TelegramHarness) -> None:
    """The session has ended already."""
    account = await telegram.log_in()
    telegram.server.people.revoke(ANN, None)
    async with telegram.log_in_client(session=account.session) as client:
        assert (await refused(login_requests.log_out(client))).code is Code.NOT_AUTHORIZED
