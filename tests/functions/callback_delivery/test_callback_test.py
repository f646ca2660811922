"""A test of a callback, made by the delivery function."""

from __future__ import annotations

import json

import jsonschema_rs
from standardwebhooks import Webhook

from functions.callback_delivery.body import body_of
from functions.callback_delivery.callback_test import CallbackTester
from functions.callback_delivery.post import Poster
from functions.http.sealing import seal
from local import openapi
from shared.crypto import Purpose
from shared.model.delivery import Attempt
from shared.store.tenants import new_tenant_id
from tests.support.callback_server import answer
from tests.support.emulated_delivery import EmulatedDelivery
from tests.support.events import event_of


async def test_a_test_event_is_signed_like_any_other(delivery: EmulatedDelivery, poster: Poster) -> None:
    """With the tenant's secret and headers; the callback's answer is returned, and nothing is recorded or queued."""
    tenant = delivery.new_tenant()
    delivery.tenants.change(
        tenant.id,
        {"callback_headers": seal(delivery.envelope, tenant.id, json.dumps({"X-Api-Key": "k", "X_Signature": "mine"}), Purpose.HEADERS)},
    )
    attempt = Attempt.model_validate(await CallbackTester(delivery.recipients, poster.post, delivery.clock).test(tenant.id))
    assert (attempt.status, attempt.text) == (200, "ok")
    (posted,) = delivery.receiver.posted
    body = json.loads(posted.body)
    components = openapi.document()["components"]
    schema = {"$ref": "#/components/schemas/TestBody", "components": components}
    jsonschema_rs.Draft202012Validator(schema, validate_formats=True).validate(body)
    assert set(body) == set(components["schemas"]["TestBody"]["required"])
    assert (body["event"], body["test"], body["tenant_id"], body["tenant"]) == ("test", True, tenant.id, tenant.number)
    assert (body["id"][:9], body["message"]["sender_name"], "x_signature" in posted.headers) == ("evt_test_", "Avio test", False)
    assert set(body["message"]) == set(json.loads(body_of(event_of(tenant.id), 1))["message"])
    assert (posted.headers["webhook-id"], posted.headers["x-api-key"]) == (body["id"], "k")
    secret = delivery.secrets[tenant.id]
    expected = Webhook(secret).sign(body["id"], delivery.clock.now(), posted.body.decode())
    assert posted.headers["webhook-signature"] == expected
    assert delivery.left_in_queue() == 0


async def test_a_refusal_is_told_and_not_tried_again(delivery: EmulatedDelivery, poster: Poster) -> None:
    """One attempt, whatever it answers."""
    tenant = delivery.new_tenant()
    delivery.receiver.script = [answer(503)]
    attempt = Attempt.model_validate(await CallbackTester(delivery.recipients, poster.post, delivery.clock).test(tenant.id))
    assert (attempt.status, len(delivery.receiver.posted)) == (503, 1)


async def test_a_callback_that_was_just_set_is_the_one_that_is_tested(delivery: EmulatedDelivery, poster: Poster) -> None:
    """The tenant is read anew."""
    tenant = delivery.new_tenant("http://127.0.0.1:1/old")
    delivery.recipients.get(tenant.id)
    delivery.tenants.change(tenant.id, {"callback_url": delivery.url})
    attempt = Attempt.model_validate(await CallbackTester(delivery.recipients, poster.post, delivery.clock).test(tenant.id))
    assert attempt.status == 200


async def test_a_tenant_without_a_callback_has_nothing_to_test(delivery: EmulatedDelivery, poster: Poster) -> None:
    """A deleted tenant, or one without a URL, is an error in the answer, not in the function."""
    tester = CallbackTester(delivery.recipients, poster.post, delivery.clock)
    for tenant_id in (delivery.new_tenant(None).id, new_tenant_id()):
        assert Attempt.model_validate(await tester.test(tenant_id)).error == "no callback"
