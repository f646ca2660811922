"""A test of a callback, made by the delivery function."""

from __future__ import annotations

import json

import jsonschema_rs
from standardwebhooks import Webhook

from functions.callback_delivery.body import body_of
from functions.callback_delivery.callback_test import CallbackTester
from functions.callback_delivery.post import Poster
from functions.tenants.directory import seal
from local.openapi_webhooks import TEST_EVENT
from shared.crypto import Purpose
from shared.model.delivery import Attempt
from shared.store.tenants import new_tenant_id
from tests.support.emulated_delivery import EmulatedDelivery
from tests.support.events import event_of
from tests.support.receiver import answer


async def test_a_test_event_is_signed_like_any_other(bench: EmulatedDelivery, poster: Poster) -> None:
    """With the tenant's secret and headers; what the callback answered is told, and nothing is recorded or queued."""
    tenant = bench.new_tenant()
    bench.tenants.change(
        tenant.id,
        {"callback_headers": seal(bench.envelope, tenant.id, json.dumps({"X-Api-Key": "k", "X_Signature": "mine"}), Purpose.HEADERS)},
    )
    attempt = Attempt.model_validate(await CallbackTester(bench.recipients, poster.post, bench.clock).make(tenant.id))
    assert (attempt.status, attempt.text) == (200, "ok")
    (posted,) = bench.receiver.posted
    body = json.loads(posted.body)
    jsonschema_rs.Draft202012Validator(TEST_EVENT, validate_formats=True).validate(body)
    assert (body["event"], body["test"], body["tenant_id"], body["tenant"]) == ("test", True, tenant.id, tenant.number)
    assert (body["id"][:9], body["message"]["sender_name"], "x_signature" in posted.headers) == ("evt_test_", "Avio test", False)
    assert set(body["message"]) == set(json.loads(body_of(event_of(tenant.id), 1))["message"])
    assert (posted.headers["webhook-id"], posted.headers["x-api-key"]) == (body["id"], "k")
    secret = bench.secrets[tenant.id]
    expected = Webhook(secret).sign(body["id"], bench.clock.now(), posted.body.decode())
    assert posted.headers["webhook-signature"] == expected
    assert bench.left_in_queue() == 0


async def test_a_refusal_is_told_and_not_tried_again(bench: EmulatedDelivery, poster: Poster) -> None:
    """One attempt, whatever it answers."""
    tenant = bench.new_tenant()
    bench.receiver.script = [answer(503)]
    attempt = Attempt.model_validate(await CallbackTester(bench.recipients, poster.post, bench.clock).make(tenant.id))
    assert (attempt.status, len(bench.receiver.posted)) == (503, 1)


async def test_a_callback_that_was_just_set_is_the_one_that_is_tested(bench: EmulatedDelivery, poster: Poster) -> None:
    """What is remembered for deliveries does not count."""
    tenant = bench.new_tenant("http://127.0.0.1:1/old")
    bench.recipients.get(tenant.id)
    bench.tenants.change(tenant.id, {"callback_url": bench.url})
    attempt = Attempt.model_validate(await CallbackTester(bench.recipients, poster.post, bench.clock).make(tenant.id))
    assert attempt.status == 200


async def test_a_tenant_without_a_callback_has_nothing_to_test(bench: EmulatedDelivery, poster: Poster) -> None:
    """Deleted, or without a URL: a fault in the answer, no fault of the function."""
    tester = CallbackTester(bench.recipients, poster.post, bench.clock)
    for tenant_id in (bench.new_tenant(None).id, new_tenant_id()):
        assert Attempt.model_validate(await tester.make(tenant_id)).error == "no callback"
