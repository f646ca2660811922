"""Logging in with unmodified Telethon: codes, passwords, refusals."""

from __future__ import annotations

import pytest
from telethon import errors, functions, types

from testing.telegram_server.control.specs import CodeSpec, PersonPatch, PersonSpec
from testing.telegram_server.server import TelegramServer
from tests.testing.telegram_server.accounts import ANN, BOB, Inbox, log_in, logged_in, new_client


async def test_a_code_logs_in(server: TelegramServer) -> None:
    """The key exchange succeeds, the code of the phone signs in, and the client knows who it is."""
    async with logged_in(server, ANN) as client:
        me = await client.get_me()
        assert (me.phone, me.first_name, me.username) == (ANN[1:], "Ann", "ann_lee")
        assert len(server.people.authorizations(ANN)) == 1
        assert not server.operation.counters()["unknown_methods"]


async def test_the_code_is_announced_as_telegram_does(server: TelegramServer) -> None:
    """sentCode names the way, the length, the next way and when it may be asked for."""
    client = new_client(server)
    await client.connect()
    sent = await client.send_code_request(ANN)
    assert isinstance(sent.type, types.auth.SentCodeTypeApp)
    assert sent.type.length == 5
    assert isinstance(sent.next_type, types.auth.CodeTypeSms)
    assert sent.timeout == 60
    await client.disconnect()


async def test_a_code_by_app_reaches_the_other_authorisations(server: TelegramServer) -> None:
    """Whoever is logged in already gets the code as a message from Telegram's service account."""
    async with logged_in(server, ANN) as first:
        inbox = Inbox(first)
        second = new_client(server)
        await second.connect()
        await second.send_code_request(ANN)
        event = await inbox.next()
        assert event.chat_id == 777000
        assert (await server.people.code(ANN))["code"] in event.raw_text
        await second.disconnect()


async def test_a_wrong_code_is_refused_and_the_right_one_still_works(server: TelegramServer) -> None:
    """PHONE_CODE_INVALID does not end the log-in."""
    client = new_client(server)
    await client.connect()
    await client.send_code_request(ANN)
    code = (await server.people.code(ANN))["code"]
    with pytest.raises(errors.PhoneCodeInvalidError):
        await client.sign_in(ANN, "00000" if code != "00000" else "11111")
    with pytest.raises(errors.PhoneCodeEmptyError):
        await client(functions.auth.SignInRequest(ANN, client._phone_code_hash[ANN[1:]], ""))
    assert await client.sign_in(ANN, code)
    await client.disconnect()


async def test_a_code_expires(server: TelegramServer) -> None:
    """After its lifetime the code is refused as expired."""
    client = new_client(server)
    await client.connect()
    await client.send_code_request(ANN)
    code = (await server.people.code(ANN))["code"]
    server.clock.advance(301)
    with pytest.raises(errors.PhoneCodeExpiredError):
        await client.sign_in(ANN, code)
    await client.disconnect()


async def test_a_hash_is_good_with_its_own_key_only(server: TelegramServer) -> None:
    """Another client cannot sign in with the hash that was sent to this one, and a cancelled one is over."""
    first, second = new_client(server), new_client(server)
    await first.connect()
    await second.connect()
    sent = await first.send_code_request(ANN)
    code = (await server.people.code(ANN))["code"]
    with pytest.raises(errors.PhoneCodeExpiredError):
        await second(functions.auth.SignInRequest(ANN, sent.phone_code_hash, code))
    assert await first(functions.auth.CancelCodeRequest(ANN, sent.phone_code_hash))
    with pytest.raises(errors.PhoneCodeExpiredError):
        await first(functions.auth.SignInRequest(ANN, sent.phone_code_hash, code))
    await first.disconnect()
    await second.disconnect()


async def test_resending_moves_on_to_the_next_way(server: TelegramServer) -> None:
    """app, then sms, then call, then SEND_CODE_UNAVAILABLE; each new code replaces the one before."""
    client = new_client(server)
    await client.connect()
    sent = await client.send_code_request(ANN)
    codes = [await server.people.code(ANN)]
    for kind in (types.auth.SentCodeTypeSms, types.auth.SentCodeTypeCall):
        sent = await client(functions.auth.ResendCodeRequest(ANN, sent.phone_code_hash))
        assert isinstance(sent.type, kind)
        codes.append(await server.people.code(ANN, not_id=codes[-1]["id"]))
    assert sent.next_type is None
    with pytest.raises(errors.SendCodeUnavailableError):
        await client(functions.auth.ResendCodeRequest(ANN, sent.phone_code_hash))
    assert await client.sign_in(ANN, codes[-1]["code"], phone_code_hash=sent.phone_code_hash)
    await client.disconnect()


async def test_a_password_is_asked_for_and_a_wrong_one_burns_nothing(server: TelegramServer) -> None:
    """The right code brings SESSION_PASSWORD_NEEDED; after a wrong password the same code and the right one log in."""
    server.people.patch(BOB, PersonPatch(password="s3cret", password_hint="the usual"))
    client = new_client(server)
    await client.connect()
    await client.send_code_request(BOB)
    code = (await server.people.code(BOB))["code"]
    with pytest.raises(errors.SessionPasswordNeededError):
        await client.sign_in(BOB, code)
    assert (await client(functions.account.GetPasswordRequest())).hint == "the usual"
    with pytest.raises(errors.SessionPasswordNeededError):
        await client(functions.updates.GetStateRequest())
    with pytest.raises(errors.PasswordHashInvalidError):
        await client.sign_in(BOB, password="wrong")
    with pytest.raises(errors.SessionPasswordNeededError):
        await client.sign_in(BOB, code)
    assert (await client.sign_in(BOB, password="s3cret")).first_name == "Bob"
    await client.disconnect()


async def test_a_password_challenge_is_good_for_one_try(server: TelegramServer) -> None:
    """A proof for an old srp_id is refused with SRP_ID_INVALID."""
    server.people.patch(BOB, PersonPatch(password="s3cret"))
    client = new_client(server)
    await log_in(client, server, BOB, "s3cret")
    with pytest.raises(errors.AuthKeyUnregisteredError):
        await client(functions.auth.CheckPasswordRequest(types.InputCheckPasswordSRP(1, b"\x02", b"\x03")))
    await client.disconnect()
    client = new_client(server)
    await client.connect()
    await client.send_code_request(BOB)
    with pytest.raises(errors.SessionPasswordNeededError):
        await client.sign_in(BOB, (await server.people.code(BOB))["code"])
    with pytest.raises(errors.SrpIdInvalidError):
        await client(functions.auth.CheckPasswordRequest(types.InputCheckPasswordSRP(1, b"\x02", b"\x03")))
    await client.disconnect()


@pytest.mark.parametrize(
    ("phone", "error"),
    [("+15550100004", errors.PhoneNumberBannedError), ("123", errors.PhoneNumberInvalidError)],
)
async def test_phones_that_cannot_log_in(server: TelegramServer, phone: str, error: type[Exception]) -> None:
    """A banned number and one that is none are refused at auth.sendCode."""
    server.people.create(PersonSpec(phone="+15550100004", banned=True))
    client = new_client(server)
    await client.connect()
    with pytest.raises(error):
        await client.send_code_request(phone)
    await client.disconnect()


async def test_an_unregistered_phone_is_asked_to_sign_up_and_may_not(server: TelegramServer) -> None:
    """The code of such a phone brings authorizationSignUpRequired (Telethon: PHONE_NUMBER_UNOCCUPIED); signUp is refused."""
    phone = "+15550100005"
    server.people.create(PersonSpec(phone=phone, registered=False))
    client = new_client(server)
    await client.connect()
    sent = await client.send_code_request(phone)
    assert isinstance(sent.type, types.auth.SentCodeTypeSms)
    with pytest.raises(errors.PhoneNumberUnoccupiedError):
        await client.sign_in(phone, (await server.people.code(phone))["code"])
    with pytest.raises(errors.UpdateAppToLoginError):
        await client(functions.auth.SignUpRequest(phone, sent.phone_code_hash, "New", "Person"))
    await client.disconnect()


@pytest.mark.parametrize(
    ("delivery", "kind"),
    [
        ("sms", types.auth.SentCodeTypeSms),
        ("call", types.auth.SentCodeTypeCall),
        ("fragment", types.auth.SentCodeTypeFragmentSms),
        ("missed_call", types.auth.SentCodeTypeMissedCall),
        ("email", types.auth.SentCodeTypeEmailCode),
        ("sms_word", types.auth.SentCodeTypeSmsWord),
        ("sms_phrase", types.auth.SentCodeTypeSmsPhrase),
        ("firebase", types.auth.SentCodeTypeFirebaseSms),
        ("flash_call", types.auth.SentCodeTypeFlashCall),
        ("set_up_email", types.auth.SentCodeTypeSetUpEmailRequired),
    ],
)
async def test_the_way_of_the_code_is_the_persons(server: TelegramServer, delivery: str, kind: type) -> None:
    """Every kind of delivery that Telegram has can be configured."""
    spec = CodeSpec.model_validate({"deliveries": [delivery], "fixed": "12345"})
    server.people.patch(ANN, PersonPatch(code=spec))
    client = new_client(server)
    await client.connect()
    sent = await client.send_code_request(ANN)
    assert isinstance(sent.type, kind)
    assert sent.next_type is None
    assert (await server.people.code(ANN))["code"] == "12345"
    await client.disconnect()


async def test_signing_up_can_be_allowed(server: TelegramServer) -> None:
    """With `Settings.sign_up` the new person is made and logged in."""
    server.operation.settings({"sign_up": "allowed"})
    phone = "+15550100006"
    client = new_client(server)
    await client.connect()
    sent = await client.send_code_request(phone)
    with pytest.raises(errors.PhoneNumberUnoccupiedError):
        await client.sign_in(phone, (await server.people.code(phone))["code"])
    made = await client(functions.auth.SignUpRequest(phone, sent.phone_code_hash, "New", "Person"))
    assert (made.user.first_name, server.people.get(phone)["registered"]) == ("New", True)
    assert (await client.get_me()).id == made.user.id
    await client.disconnect()


async def test_a_code_that_costs(server: TelegramServer) -> None:
    """auth.sentCodePaymentRequired, which Telethon's own send_code_request cannot read; the raw request can."""
    server.people.patch(ANN, PersonPatch(code=CodeSpec(deliveries=["payment_required"])))
    client = new_client(server)
    await client.connect()
    sent = await client(functions.auth.SendCodeRequest(ANN, 1, "hash", types.CodeSettings()))
    assert isinstance(sent, types.auth.SentCodePaymentRequired)
    await client.disconnect()


async def test_a_log_in_email_is_set_up(server: TelegramServer) -> None:
    """By account.sendVerifyEmailCode and account.verifyEmail; from then on codes go there, and are taken as emailVerification alone."""
    server.people.patch(ANN, PersonPatch(code=CodeSpec(deliveries=["set_up_email"])))
    client = new_client(server)
    await client.connect()
    request = functions.auth.SendCodeRequest(ANN, 1, "hash", types.CodeSettings())
    sent = await client(request)
    assert isinstance(sent.type, types.auth.SentCodeTypeSetUpEmailRequired)
    purpose = types.EmailVerifyPurposeLoginSetup(ANN, sent.phone_code_hash)
    verify = functions.account.VerifyEmailRequest(purpose, types.EmailVerificationCode("00"))
    with pytest.raises(errors.EmailVerifyExpiredError):
        await client(verify)
    with pytest.raises(errors.EmailInvalidError):
        await client(functions.account.SendVerifyEmailCodeRequest(purpose, "nonsense"))
    found = await client(functions.account.SendVerifyEmailCodeRequest(purpose, "ann@example.org"))
    assert (found.email_pattern, found.length) == ("a***n@example.org", 5)
    with pytest.raises(errors.CodeInvalidError):
        await client(verify)
    verify.verification = types.EmailVerificationCode((await server.people.code(ANN))["code"])
    verified = await client(verify)
    assert (verified.email, verified.sent_code.type.email_pattern) == ("ann@example.org", "a***n@example.org")
    with pytest.raises(errors.PhoneHashExpiredError):
        await client(functions.account.SendVerifyEmailCodeRequest(purpose, "ann@example.org"))
    code, code_hash = (await server.people.code(ANN))["code"], verified.sent_code.phone_code_hash
    with pytest.raises(errors.PhoneCodeInvalidError):
        await client(functions.auth.SignInRequest(ANN, code_hash, code))
    signed_in = await client(functions.auth.SignInRequest(ANN, code_hash, email_verification=types.EmailVerificationCode(code)))
    assert signed_in.user.first_name == "Ann"
    await client.disconnect()


async def test_a_log_in_may_need_no_code(server: TelegramServer) -> None:
    """auth.sentCodeSuccess, or SESSION_PASSWORD_NEEDED where there is a password."""
    server.people.patch(ANN, PersonPatch(code=CodeSpec(deliveries=["success"]), password="s3cret"))
    client = new_client(server)
    await client.connect()
    request = functions.auth.SendCodeRequest(ANN, 1, "hash", types.CodeSettings())
    with pytest.raises(errors.SessionPasswordNeededError):
        await client(request)
    server.people.patch(ANN, PersonPatch(password=""))
    assert isinstance(await client(request), types.auth.SentCodeSuccess)
    assert (await client.get_me()).first_name == "Ann"
    await client.disconnect()
