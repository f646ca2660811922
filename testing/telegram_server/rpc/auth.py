"""auth.*: log-in codes, signing in and out (https://core.telegram.org/api/auth)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from telethon.tl import functions, types

from testing.telegram_server.model.login import Login
from testing.telegram_server.model.person import Delivery, Person
from testing.telegram_server.model.phone import normal
from testing.telegram_server.rpc.call import Call
from testing.telegram_server.rpc.data_centres import check_home
from testing.telegram_server.rpc.errors import bad_request, not_acceptable, unauthorized
from testing.telegram_server.rpc.table import Methods

METHODS = Methods()
UNKNOWN_EMAIL = "t***t@example.org"
_TYPES: dict[Delivery, Callable[[Login], Any]] = {
    "app": lambda login: types.auth.SentCodeTypeApp(len(login.code)),
    "sms": lambda login: types.auth.SentCodeTypeSms(len(login.code)),
    "sms_word": lambda login: types.auth.SentCodeTypeSmsWord(login.code[0]),
    "sms_phrase": lambda login: types.auth.SentCodeTypeSmsPhrase(login.code.split()[0]),
    "firebase": lambda login: types.auth.SentCodeTypeFirebaseSms(len(login.code)),
    "call": lambda login: types.auth.SentCodeTypeCall(len(login.code)),
    "flash_call": lambda login: types.auth.SentCodeTypeFlashCall(f"+{login.code[:4]}*"),
    "missed_call": lambda login: types.auth.SentCodeTypeMissedCall("+7900", len(login.code)),
    "fragment": lambda login: types.auth.SentCodeTypeFragmentSms("https://fragment.com/numbers", len(login.code)),
    "email": lambda login: types.auth.SentCodeTypeEmailCode(UNKNOWN_EMAIL, len(login.code)),
    "set_up_email": lambda login: types.auth.SentCodeTypeSetUpEmailRequired(),
}
_NEXT_TYPES: dict[Delivery, type] = {
    "sms": types.auth.CodeTypeSms,
    "call": types.auth.CodeTypeCall,
    "flash_call": types.auth.CodeTypeFlashCall,
    "missed_call": types.auth.CodeTypeMissedCall,
    "fragment": types.auth.CodeTypeFragmentSms,
}


@METHODS.serves(functions.auth.SendCodeRequest, needs_login=False)
def send_code(call: Call, request: Any) -> Any:
    phone = _phone(request.phone_number)
    if not request.api_id or not request.api_hash:
        raise bad_request("API_ID_INVALID")
    person = call.world.by_phone.get(phone)
    if person is not None and person.banned:
        raise bad_request("PHONE_NUMBER_BANNED")
    if person is not None:
        check_home(call, person, "PHONE_MIGRATE")
    login = call.services.logins.send_code(call.key, phone)
    if login.delivery == "success":  # as after a log-out with a future auth token
        return types.auth.SentCodeSuccess(_admit(call, person))
    return sent_code(call, login)


@METHODS.serves(functions.auth.ResendCodeRequest, needs_login=False)
def resend_code(call: Call, request: Any) -> Any:
    login = call.services.logins.resend(login_of(call, request))
    if login is None:
        raise not_acceptable("SEND_CODE_UNAVAILABLE")
    return sent_code(call, login)


@METHODS.serves(functions.auth.CancelCodeRequest, needs_login=False)
def cancel_code(call: Call, request: Any) -> Any:
    call.services.logins.cancel(login_of(call, request))
    return True


@METHODS.serves(functions.auth.SignInRequest, needs_login=False)
def sign_in(call: Call, request: Any) -> Any:
    """A right code logs in, unless the person has a password; then it stays good until the password was right as well."""
    code = emailed_code(request.email_verification) or request.phone_code
    if not code:
        raise bad_request("PHONE_CODE_EMPTY")
    login = login_of(call, request, elsewhere="USER_MIGRATE")
    right = call.services.logins.check(login, code) == "right"
    if not right or login.delivery == "set_up_email" or (login.delivery == "email") != bool(request.email_verification):
        raise bad_request("PHONE_CODE_INVALID")
    return _admit(call, call.world.by_phone.get(login.phone))


@METHODS.serves(functions.auth.SignUpRequest, needs_login=False)
def sign_up(call: Call, request: Any) -> Any:
    """Telegram lets only official apps sign up; `Settings.sign_up` allows it for a client that wants to try."""
    login = login_of(call, request)
    if call.services.settings.sign_up == "refused":
        raise not_acceptable("UPDATE_APP_TO_LOGIN")
    person = call.world.by_phone.get(login.phone)
    if person is not None and person.registered:
        raise bad_request("PHONE_NUMBER_OCCUPIED")
    if not request.first_name.strip():
        raise bad_request("FIRSTNAME_INVALID")
    if person is None:
        person = Person(call.world.new_user_id(), login.phone, request.first_name, request.last_name)
    person.first_name, person.last_name, person.registered = request.first_name, request.last_name, True
    call.world.add_person(person)
    return _authorize(call, person)


@METHODS.serves(functions.auth.CheckPasswordRequest, needs_login=False)
def check_password(call: Call, request: Any) -> Any:
    person = call.world.person(call.key.pending_user_id or 0)
    if person is None:
        raise unauthorized()
    check_home(call, person)
    _check_proof(call, person, request.password)
    return _authorize(call, person)


@METHODS.serves(functions.auth.LogOutRequest)
def log_out(call: Call, request: Any) -> Any:
    call.services.logins.end(call.key, tell=False)
    return types.auth.LoggedOut()


@METHODS.serves(functions.auth.ResetAuthorizationsRequest)
def reset_authorizations(call: Call, request: Any) -> Any:
    for key in call.world.keys.of(call.me.id):
        if key is not call.key:
            call.services.logins.end(key, "SESSION_REVOKED")
    return True


def _check_proof(call: Call, person: Person, proof: Any) -> None:
    if isinstance(proof, types.InputCheckPasswordEmpty) or person.password is None:
        raise bad_request("PASSWORD_HASH_INVALID")
    asked = call.services.challenges.take(call.key, proof.srp_id)
    if asked is None:
        raise bad_request("SRP_ID_INVALID")
    if not asked.passes(person.password, proof.A, proof.M1):
        raise bad_request("PASSWORD_HASH_INVALID")


def _admit(call: Call, person: Person | None) -> Any:
    """Log in who is free to."""
    if person is None or not person.registered:
        return types.auth.AuthorizationSignUpRequired()
    if person.banned:
        raise bad_request("PHONE_NUMBER_BANNED")
    if person.password is not None:
        call.services.logins.want_password(call.key, person)
        raise unauthorized("SESSION_PASSWORD_NEEDED")
    return _authorize(call, person)


def _authorize(call: Call, person: Person) -> Any:
    call.services.logins.log_in(call.key, person)
    return types.auth.Authorization(call.services.people.user(call.key, person))


def _phone(text: str) -> str:
    phone = normal(text)
    if phone is None:
        raise bad_request("PHONE_NUMBER_INVALID")
    return phone


def login_of(call: Call, request: Any, *, elsewhere: str = "PHONE_MIGRATE", over: str = "PHONE_CODE_EXPIRED") -> Login:
    """Return the log-in that a request names by phone and hash; one of somebody who has moved goes on at the new home."""
    phone = _phone(request.phone_number)
    if not request.phone_code_hash:
        raise bad_request("PHONE_CODE_HASH_EMPTY")
    login = call.services.logins.find(call.key, phone, request.phone_code_hash)
    if login is None:
        raise bad_request(over)
    person = call.world.by_phone.get(phone)
    if person is not None:
        check_home(call, person, elsewhere)
    return login


def emailed_code(verification: Any) -> str | None:
    """Return the code of an emailVerificationCode; Google's and Apple's tokens are none."""
    return verification.code if isinstance(verification, types.EmailVerificationCode) else None


def hidden(email: str) -> str:
    """Return an address as a pattern: `a***z@example.org`."""
    name, _, domain = email.partition("@")
    return f"{name[0]}***{name[-1]}@{domain}"


def sent_code(call: Call, login: Login) -> Any:
    """Return how a code was sent."""
    if login.delivery == "payment_required":
        return types.auth.SentCodePaymentRequired("premium", login.hash, "support@example.org", "Login", 7, "USD", 99)
    following = _NEXT_TYPES.get(login.next_delivery) if login.next_delivery else None
    timeout = login.resend_after_s if login.next_delivery else None
    kind = _TYPES[login.delivery](login)
    person = call.world.by_phone.get(login.phone)
    if person is not None and person.login_email and login.delivery == "email":
        kind.email_pattern = hidden(person.login_email)
    return types.auth.SentCode(kind, login.hash, following() if following else None, timeout)
