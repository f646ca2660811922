"""Setting up the log-in e-mail over HTTP, with a worker that answers as told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.functions.api import Api
from tests.support.stand_in_owner import StandInOwner

SENT = {
    "delivery": "email",
    "length": 6,
    "next_type": None,
    "resend_after_seconds": 60,
    "form": "digits",
    "beginning": None,
    "pattern": None,
    "url": None,
    "email_pattern": "a***n@example.org",
}


async def test_address_and_code_reach_the_owner_as_they_are_meant(api: Api, owner: StandInOwner) -> None:
    """Blanks around an address and within a code do not count; the owner's answer is the caller's."""
    tenant = await api.new_tenant()
    owner.respond = lambda command, body: SENT
    for step, given, meant in (
        ("email", {"email": " ann@example.org "}, {"email": "ann@example.org"}),
        ("email/verify", {"code": "123 456"}, {"code": "123456"}),
    ):
        answer = await api.call("POST", f"/tenants/{tenant['id']}/auth/{step}", json=given)
        assert (answer.status_code, answer.json()) == (200, SENT)
        path, body = owner.asked[-1]
        assert path.endswith(f"/auth/{step}")
        assert body == {"tenant": tenant["id"], "channel": "telegram", **meant}


@pytest.mark.parametrize(
    "email", ["", "ann", "ann@", "@example.org", "ann lee@example.org", "a@b@example.org", "a" * 250 + "@b.org", None, 5]
)
async def test_what_is_no_address_is_refused_here(api: Api, owner: StandInOwner, email: Any) -> None:
    """Nobody is asked, and the address is not repeated."""
    tenant = await api.new_tenant()
    answer = await api.call("POST", f"/tenants/{tenant['id']}/auth/email", json={"email": email})
    assert (answer.status_code, answer.json()["error"], owner.asked) == (422, "invalid_request", [])


async def test_addresses_and_codes_are_not_logged(api: Api, owner: StandInOwner) -> None:
    """Whether it goes well or is refused."""
    tenant = await api.new_tenant()
    for respond in (lambda command, body: SENT, lambda command, body: {"error": "boom"}):
        owner.respond = respond
        await api.call("POST", f"/tenants/{tenant['id']}/auth/email", json={"email": "hidden@example.org"})
        await api.call("POST", f"/tenants/{tenant['id']}/auth/email/verify", json={"code": "918273"})
    refused = await api.call("POST", f"/tenants/{tenant['id']}/auth/email", json={"email": "hidden@example.org", "more": "hidden"})
    for secret in ("hidden", "918273"):
        assert secret not in api.log.text
        assert secret not in refused.text
