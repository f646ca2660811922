"""A log-in at its edges: through API Gateway and everything behind it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.flows.customer import Customer

PASSWORD = "a second factor"


def start(customer: Customer, status: int = 200) -> dict[str, Any]:
    """Start the log-in."""
    return told(customer.call("POST", "/auth/start", json={"phone": customer.phone}), status)


def verify(customer: Customer, status: int = 200, **given: str) -> dict[str, Any]:
    """Give a code, a password or both."""
    return told(customer.call("POST", "/auth/verify", json={"phone": customer.phone, **given}), status)


def told(answer: httpx.Response, status: int = 200) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    return body


def fault(customer: Customer, method: str, code: int, message: str, times: int = 1) -> None:
    """Have Telegram answer this customer's next calls with an error."""
    customer.phones.inject("error", phone=customer.phone, method=method, code=code, message=message, times=times)


def code_of(customer: Customer) -> str:
    return str(customer.phones.code(customer.phone)["code"])


@pytest.mark.parametrize("name", ["PHONE_MIGRATE", "NETWORK_MIGRATE", "USER_MIGRATE"])
@pytest.mark.parametrize("method", ["auth.sendCode", "auth.signIn", "auth.checkPassword"])
def test_l7_a_step_that_is_sent_on_is_followed(customer: Customer, method: str, name: str) -> None:
    """L7: at start, at the code and at the password, whatever Telegram calls it."""
    fault(customer, method, 303, f"{name}_4")
    start(customer)
    if method == "auth.checkPassword":  # the new home has not seen the code, and takes it with the password
        verify(customer, 403, code=code_of(customer))
    assert verify(customer, code=code_of(customer), password=PASSWORD)["authorized"] is True
    assert len(customer.phones.authorizations(customer.phone)) == 1


def test_l9_a_log_in_that_telegram_restarts_is_repeated_once(customer: Customer) -> None:
    """L9: then the answer says what to do, and doing so helps."""
    fault(customer, "auth.sendCode", 500, "AUTH_RESTART")
    start(customer)
    fault(customer, "auth.signIn", 500, "AUTH_RESTART", times=2)
    over = verify(customer, 400, code=code_of(customer), password=PASSWORD)
    assert (over["error"], "auth/start" in over["detail"]) == ("code_expired", True)
    fault(customer, "auth.sendCode", 500, "AUTH_RESTART", times=2)
    again = start(customer, 503)
    assert (again["error"], "auth/start" in again["detail"]) == ("telegram_unavailable", True)
    customer.log_in()


@pytest.mark.parametrize("name", ["SRP_ID_INVALID", "SRP_PASSWORD_CHANGED"])
def test_l8_parameters_of_the_password_that_change_are_asked_for_again(customer: Customer, name: str) -> None:
    """L8: once, without the caller."""
    start(customer)
    fault(customer, "auth.checkPassword", 400, name)
    assert verify(customer, code=code_of(customer), password=PASSWORD)["authorized"] is True


def test_a2_too_many_wrong_passwords_wait_and_cost_nothing(customer: Customer) -> None:
    """A2: the code stays accepted, the wait is told, and the right password logs in."""
    start(customer)
    assert verify(customer, 403, code=code_of(customer))["error"] == "2fa_required"
    assert told(customer.call("GET", "/status"))["state"] == "need_2fa"
    assert verify(customer, 401, password="wrong")["error"] == "bad_password"
    customer.phones.inject("flood_wait", phone=customer.phone, method="auth.checkPassword", seconds=90)
    waits = verify(customer, 429, password="wrong")
    assert (waits["error"], waits["retry_after_seconds"]) == ("flood_wait", 90)
    fault(customer, "auth.checkPassword", 406, "PHONE_PASSWORD_FLOOD")
    assert verify(customer, 429, password="wrong")["error"] == "too_many_attempts"
    assert verify(customer, password=PASSWORD)["authorized"] is True


@pytest.mark.parametrize(
    ("delivery", "expected"),
    [
        ("app", {"delivery": "app", "form": "digits", "length": 5}),
        ("sms", {"delivery": "sms", "form": "digits", "length": 5}),
        ("call", {"delivery": "call", "form": "digits", "length": 5}),
        ("flash_call", {"delivery": "call", "form": "caller_number", "pattern": "+7900*"}),
        ("missed_call", {"delivery": "call", "form": "caller_digits", "length": 5, "beginning": "+7900"}),
        ("fragment", {"delivery": "fragment", "form": "digits", "length": 5, "url": "https://fragment.com/numbers"}),
        ("email", {"delivery": "email", "form": "digits", "length": 5, "email_pattern": "t***t@example.org"}),
        ("sms_word", {"delivery": "sms", "form": "word"}),
        ("sms_phrase", {"delivery": "sms", "form": "phrase"}),
    ],
)
def test_a2_every_way_of_a_code_is_told_and_logs_in(customer: Customer, delivery: str, expected: dict[str, Any]) -> None:
    """A2: with what whoever types the code has to know."""
    customer.phones.change_person(customer.phone, code={"deliveries": [delivery]})
    sent = start(customer)
    code = code_of(customer)
    if expected["form"] in ("word", "phrase"):
        assert code.startswith(sent.pop("beginning"))
    rest = {"next_type": None, "resend_after_seconds": sent["resend_after_seconds"]}
    nothing = dict.fromkeys(("length", "beginning", "pattern", "url", "email_pattern"))
    nothing = {name: value for name, value in nothing.items() if name in sent}
    assert sent == {**nothing, **rest, **expected}
    assert verify(customer, code=code, password=PASSWORD)["authorized"] is True


def test_a2_a_code_for_official_apps_is_asked_for_in_the_next_way(customer: Customer) -> None:
    """A2: at once, since no other app gets a Firebase SMS."""
    customer.phones.change_person(customer.phone, code={"deliveries": ["firebase", "call"]})
    sent = start(customer)
    assert (sent["delivery"], sent["next_type"], sent["resend_after_seconds"]) == ("firebase", "call", 0)
    resent = told(customer.call("POST", "/auth/resend"))
    assert resent["delivery"] == "call"
    assert verify(customer, code=code_of(customer), password=PASSWORD)["authorized"] is True


def test_a2_a_log_in_email_is_set_up_over_http(customer: Customer) -> None:
    """A2: each answer and the status say what comes next; wrong addresses and codes cost nothing."""
    customer.phones.change_person(customer.phone, code={"deliveries": ["set_up_email"]})
    assert start(customer, 409)["error"] == "email_setup_required"
    assert told(customer.call("GET", "/status"))["reason"] == "email_wanted"
    assert told(customer.call("POST", "/auth/email", json={"email": "no address"}), 422)["error"] == "invalid_request"
    assert told(customer.call("POST", "/auth/email", json={"email": "ann@localhost"}), 400)["error"] == "invalid_email"
    assert told(customer.call("POST", "/auth/email/verify", json={"code": "12345"}), 409)["error"] == "not_started"
    asked = told(customer.call("POST", "/auth/email", json={"email": "ann@example.org"}))
    assert (asked["delivery"], asked["length"], asked["email_pattern"]) == ("email", 5, "a***n@example.org")
    assert told(customer.call("GET", "/status"))["reason"] == "email_code_wanted"
    assert told(customer.call("POST", "/auth/email/verify", json={"code": "00"}), 400)["error"] == "invalid_code"
    sent = told(customer.call("POST", "/auth/email/verify", json={"code": code_of(customer)}))
    assert (sent["delivery"], sent["email_pattern"]) == ("email", "a***n@example.org")
    assert verify(customer, code=code_of(customer), password=PASSWORD)["authorized"] is True
    again = told(customer.call("POST", "/auth/email", json={"email": "ann@example.org"}), 409)
    assert again["error"] == "already_authorized"


def test_a2_a_phone_without_an_account_leaves_nothing_behind(customer: Customer) -> None:
    """A2: Telegram wants a sign-up, which only official apps may make: the code is taken back, and nothing is under way."""
    customer.phones.change_person(customer.phone, registered=False, password="")
    before = customer.phones.counters()["calls"].get("auth.cancelCode", 0)
    start(customer)
    code = code_of(customer)
    refused = verify(customer, 400, code=code)
    assert refused["error"] == "phone_not_registered"
    status = told(customer.call("GET", "/status"))
    assert (status["state"], status["reason"], status["phone"]) == ("new", "not_registered", None)
    assert verify(customer, 409, code=code)["error"] == "not_started"
    assert customer.phones.counters()["calls"].get("auth.cancelCode", 0) == before + 1


def test_a2_telegram_may_want_no_code_or_a_payment(customer: Customer) -> None:
    """A2: auth.sentCodePaymentRequired is 402, a password without a code is asked for, auth.sentCodeSuccess logs in."""
    customer.phones.change_person(customer.phone, code={"deliveries": ["payment_required"]})
    assert start(customer, 402)["error"] == "payment_required"
    customer.phones.change_person(customer.phone, code={"deliveries": ["success"]})
    assert start(customer, 403)["error"] == "2fa_required"
    assert told(customer.call("GET", "/status"))["state"] == "need_2fa"
    assert verify(customer, password=PASSWORD)["authorized"] is True
    assert told(customer.call("POST", "/logout"))["state"] == "logged_out"
    customer.phones.change_person(customer.phone, password="")
    assert start(customer) == {"authorized": True, "state": "authorized"}


def test_a2_two_steps_at_once_are_one(customer: Customer) -> None:
    """A2: two starts are one code, and two verifies one log-in: the second hears that it is done."""
    with ThreadPoolExecutor(2) as both:
        first, second = both.map(lambda _: start(customer), range(2))
        assert (first["delivery"], first["length"]) == (second["delivery"], second["length"])
        sent = [change for change in customer.phones.changes(person=customer.phone)["changes"] if change["kind"] == "code"]
        assert len(sent) == 1
        given = {"phone": customer.phone, "code": code_of(customer), "password": PASSWORD}
        answers = both.map(lambda _: customer.call("POST", "/auth/verify", json=given), range(2))
        assert sorted((answer.status_code, answer.json().get("error")) for answer in answers) == [(200, None), (409, "already_authorized")]
    assert len(customer.phones.authorizations(customer.phone)) == 1
