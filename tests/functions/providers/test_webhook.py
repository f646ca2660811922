"""`/webhook`: each status of the contract, what a body may be, and QR codes."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config

from functions.providers.provider_events import ProviderEvents
from functions.providers.provider_token_service import ProviderTokenService
from shared.model.ids import Channel, TenantId
from shared.queues import EventsQueue
from shared.store.provider_sessions import QR_KEPT, ProviderSessionStore
from shared.store.table import Table
from shared.store.tenants import new_tenant_id
from tests.functions.api import ADMIN, ROUTERS, WA_WEB, Api, key
from tests.functions.providers.provider import JSON, ProviderScenario, message, message_id_of, post, token_of

QR = {"provider": "whatsapp", "event": "qr", "qr_id": "1715940000000", "svg": "<svg xmlns='http://www.w3.org/2000/svg'/>"}


@pytest.fixture(scope="module")
def known(provider_api: Api) -> tuple[dict[str, Any], str]:
    """A tenant without a callback, and its provider token."""
    tenant, tenant_key = provider_api.tenants.create("Shop", None, provider_api.clock.now(), None, new_tenant_id())
    token = provider_api.dependencies.get(ProviderTokenService).ensure(tenant).token.get_secret_value()
    return {"id": tenant.id, "number": tenant.number, "key": tenant_key.get_secret_value()}, token


async def test_the_token_goes_by_header_or_by_query(provider_api: Api, known: tuple[dict[str, Any], str]) -> None:
    """And the administrator may post for every tenant."""
    tenant, token = known
    for path, headers in ((f"/webhook?token={token}", {}), ("/webhook", {"X-Provider-Token": token}), ("/webhook", ADMIN)):
        for name in (tenant["number"], str(tenant["number"]), tenant["id"], tenant["id"].upper()):
            answer = await provider_api.call("POST", path, headers={**headers, **JSON}, json={"event": "ready", "tenant": name})
            assert (answer.status_code, answer.text) == (200, '{"ok":true,"queued":true}')


async def test_who_has_no_token_of_the_bodys_tenant_is_401(provider_api: Api, known: tuple[dict[str, Any], str]) -> None:
    """No token, a wrong one, another tenant's, one that was replaced, one in the place of another; whatever the body is."""
    tenant, token = known
    other = await provider_api.new_tenant()
    theirs = await token_of(provider_api, other["number"])
    cases = [
        ("/webhook", {}, tenant["number"]),
        ("/webhook?token=", {}, tenant["number"]),
        ("/webhook?token=a1b2c3d4", {}, tenant["number"]),
        (f"/webhook?token={token[:-1]}x", {}, tenant["number"]),
        ("/webhook", {"X-Provider-Token": theirs}, tenant["number"]),
        ("/webhook", {"X-Provider-Token": theirs}, tenant["id"]),
        ("/webhook", {"X-Provider-Token": token}, other["number"]),
        ("/webhook", {"X-Provider-Token": token}, 999_999),
        ("/webhook", {"X-Provider-Token": token}, f"0{tenant['number']}"),
        ("/webhook", {"X-Auth-Token": token}, tenant["number"]),
        ("/webhook", {"X-Admin-Token": token}, tenant["number"]),
        ("/webhook", {"Authorization": f"Bearer {token}"}, tenant["number"]),
        (f"/webhook?token={WA_WEB['X-Auth-Token']}", {}, tenant["number"]),
    ]
    for path, headers, name in cases:
        for body in (message(name), {"event": "nonsense", "tenant": name}):
            answer = await provider_api.call("POST", path, headers={**headers, **JSON}, json=body)
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_credentials"), (path, name)
            assert token not in answer.text
    forbidden = await provider_api.call("POST", "/webhook", headers={**key(tenant["key"]), **JSON}, json=message(tenant["number"]))
    assert forbidden.status_code == 403


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no event": ({"event": None}, "body.event"),
    "another event": ({"event": "messages.outgoing"}, "body.event"),
    "an event that is a list": ({"event": ["qr"]}, "body.event"),
    "no channel": ({"channel": None}, "body.channel"),
    "another channel": ({"channel": "telegram"}, "body.channel"),
    "no sender": ({"sender": None}, "body.from"),
    "an empty sender": ({"sender": ""}, "body.from"),
    "a name": ({"sender": "Anna"}, "body.from"),
    "a number as a number": ({"sender": 79991234567}, "body.from"),
    "digits of another alphabet": ({"sender": "٧٩٩٩١٢٣٤٥٦٧"}, "body.from"),
    "a sender with a NUL": ({"sender": "7999\x001234567"}, "body.from"),
    "a sender with a number sign": ({"sender": "7999#1@c.us"}, "body.from"),
    "a JID that is none": ({"from_jid": "@c.us"}, "body.from_jid"),
    "neither text nor media": ({"text": None, "media": None}, "body"),
    "all of it empty": ({"text": "", "media": [], "attachments": []}, "body"),
    "a text that is a number": ({"text": 5}, "body.text"),
    "media that is an object": ({"media": {"type": "image"}}, "body.media"),
    "media of texts": ({"media": ["image"]}, "body.media.0"),
    "an address that is a number": ({"attachments": [{"type": "file"}, {"url": 1}]}, "body.attachments.1.url"),
    "an empty message id": ({"message_id": ""}, "body.message_id"),
    "a message id of 513 characters": ({"message_id": "x" * 513}, "body.message_id"),
    "a time that is a word": ({"ts": "soon"}, "body.ts"),
    "a time that is true": ({"ts": True}, "body.ts"),
    "a time before time": ({"ts": -1}, "body.ts"),
    "a time after all time": ({"ts": 10**20}, "body.ts"),
    "a time of four thousand digits": ({"ts": int("9" * 4000)}, "body.ts"),
    "a time of a huge exponent": ({"ts": 1e300}, "body.ts"),
    "a day that is none": ({"ts": "2026-02-30T00:00:00Z"}, "body.ts"),
    "digits as a text": ({"ts": "1716748800"}, "body.ts"),
    "half of a surrogate pair": ({"text": "\ud800"}, "body"),
    "half of a surrogate pair in what is not known": ({"unknown": [{"\udfff": 1}]}, "body"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_a_message_that_is_none_is_422_with_its_field(provider_api: Api, known: tuple[dict[str, Any], str], name: str) -> None:
    """Nothing of what was sent is repeated, and nothing is stored."""
    tenant, token = known
    fields, field = WRONG[name]
    fields = {"message_id": f"wrong {name}", **fields}
    answer = await post(provider_api, token, message(tenant["number"], **fields))
    assert (answer.status_code, answer.json()["error"]) == (422, "invalid_request"), answer.text
    assert answer.json()["fields"][0]["field"] == field, answer.text
    stored = provider_api.deliveries.get(TenantId(tenant["id"]), message_id_of(tenant["id"], f"wrong {name}"))
    assert stored is None


BODIES = {
    "nothing": b"",
    "no JSON": b"tenant=7",
    "null": b"null",
    "a list": b'[{"event": "ready", "tenant": 7}]',
    "no tenant": b'{"event": "ready"}',
    "a tenant that is true": b'{"event": "ready", "tenant": true}',
    "a tenant that is a fraction": b'{"event": "ready", "tenant": 1.5}',
    "a tenant that is a list": b'{"event": "ready", "tenant": [7]}',
    "NaN": b'{"event": "ready", "tenant": NaN}',
    "too many digits": b'{"event": "ready", "tenant": ' + b"9" * 5000 + b"}",
    "100,000 levels": b'{"event": "ready", "unknown": ' + b"[" * 100_000,
    "65 levels": b'{"event": "ready", "unknown": ' + b"[" * 65 + b"]" * 65 + b"}",
    "not UTF-8": b'{"event": "ready", "tenant": "\xff"}',
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_body_that_is_none_is_422(provider_api: Api, known: tuple[dict[str, Any], str], name: str) -> None:
    """In the one form of all errors."""
    answer = await post(provider_api, known[1], BODIES[name])
    assert (answer.status_code, answer.json()["error"]) == (422, "invalid_request")


async def test_bodies_are_bounded_and_are_json(provider_api: Api, known: tuple[dict[str, Any], str]) -> None:
    """1 MiB is the most that is read, 256 KiB the most that is an event; a form is none."""
    tenant, token = known
    for size in (1 << 20, 1 << 21):
        answer = await post(provider_api, token, message(tenant["number"], message_id="large", text="я" * (size // 2)))
        assert (answer.status_code, answer.json()["error"]) == (413, "request_too_large")
    answer = await provider_api.call("POST", "/webhook", headers={"X-Provider-Token": token}, data={"event": "ready"})
    assert (answer.status_code, answer.json()["error"]) == (415, "unsupported_media_type")
    odd = await provider_api.call(
        "POST", f"/webhook?token={token}&more=1", headers=JSON, json={"event": "ready", "tenant": tenant["number"]}
    )
    assert odd.status_code == 422
    assert (await provider_api.call("GET", f"/webhook?token={token}")).status_code == 405


TIMES = {
    "seconds": 1716748800,
    "a fraction of seconds": 1716748800.0,
    "milliseconds": 1716748800000,
    "ISO 8601": "2024-05-26T18:40:00Z",
    "ISO 8601 with an offset": "2024-05-26T21:40:00.000+03:00",
    "ISO 8601 without one": "2024-05-26T18:40:00",
    "ISO 8601 with a blank, in lower case": "2024-05-26 18:40:00z",
}


@pytest.mark.parametrize("name", TIMES)
async def test_a_time_may_be_seconds_milliseconds_or_iso(scenario: ProviderScenario, name: str) -> None:
    """All of these are the same time."""
    tenant, token = await scenario.tenant()
    assert (await post(scenario.api, token, message(tenant["number"], ts=TIMES[name]))).status_code == 200
    (body,) = await scenario.delivered()
    assert body["message"]["date"] == "2024-05-26T18:40:00+00:00"
    assert body["original"]["ts"] == TIMES[name]


@pytest.mark.parametrize(("ts", "date"), [(0, "1970-01-01"), (99_999_999_999, "5138-11-16"), (100_000_000_000, "1973-03-03")])
async def test_milliseconds_begin_at_1e11(scenario: ProviderScenario, ts: int, date: str) -> None:
    """Below, a number counts seconds."""
    tenant, token = await scenario.tenant()
    assert (await post(scenario.api, token, message(tenant["number"], ts=ts))).status_code == 200
    (body,) = await scenario.delivered()
    assert body["message"]["date"].startswith(date)


SENDERS = [
    ({"sender": "+79991234567", "from_jid": "79991234567@c.us"}, "79991234567@c.us", "private", "+79991234567"),
    ({"sender": "79991234567@s.whatsapp.net"}, "79991234567@c.us", "private", "+79991234567"),
    ({"sender": "79991234567:12@s.whatsapp.net"}, "79991234567@c.us", "private", "+79991234567"),
    ({"sender": "+7 (999) 123-45-67"}, "79991234567@c.us", "private", "+79991234567"),
    ({"sender": "85291234567"}, "85291234567@c.us", "private", "+85291234567"),
    ({"sender": "8877665544@lid"}, "8877665544@lid", "private", None),
    ({"sender": "+79991234567", "from_jid": "8877665544@lid"}, "8877665544@lid", "private", "+79991234567"),
    ({"sender": "+79991234567", "from_jid": "1203630-1600@g.us"}, "1203630-1600@g.us", "group", "+79991234567"),
]


@pytest.mark.parametrize(("fields", "chat", "chat_type", "phone"), SENDERS, ids=lambda value: str(value)[:40])
async def test_however_a_sender_is_written_it_is_one_chat(
    scenario: ProviderScenario, fields: dict[str, Any], chat: str, chat_type: str, phone: str | None
) -> None:
    """No number is rewritten: a provider's is international already."""
    tenant, token = await scenario.tenant()
    assert (await post(scenario.api, token, message(tenant["number"], **fields))).status_code == 200
    (body,) = await scenario.delivered()
    found = body["message"]
    assert (found["chat_id"], found["chat_type"], found.get("sender_phone")) == (chat, chat_type, phone)


@pytest.mark.parametrize("sender", ["status@broadcast", "120363041@newsletter"])
async def test_broadcasts_are_logged_and_go_only_where_they_are_chosen(scenario: ProviderScenario, sender: str) -> None:
    """As broadcast channels of Telegram do."""
    tenant, token = await scenario.tenant()
    assert (await post(scenario.api, token, message(tenant["number"], sender=sender))).status_code == 200
    assert await scenario.delivered() == []
    (line,) = (await scenario.api.call("GET", f"/tenants/{tenant['id']}/deliveries")).json()
    assert (line["status"], line["reason"]) == ("dropped", "chat type not wanted")


async def test_any_text_arrives_as_it_was_written(scenario: ProviderScenario) -> None:
    """Also what SQS refuses, and what is too large for it; in order."""
    tenant, token = await scenario.tenant()
    texts = ["\x00", "\ufffe\uffff", "a\u2028b", "👩‍👩‍👧", "\u202eabc", "x" * 30_000, "я" * 100_000, '"\\/']
    for number, text in enumerate(texts):
        answer = await post(scenario.api, token, message(tenant["number"], message_id=str(number), text=text))
        assert answer.status_code == 200, answer.text
    assert [body["message"]["text"] for body in await scenario.delivered()] == texts


async def test_a_file_alone_is_a_message(scenario: ProviderScenario) -> None:
    """In `media` or in `attachments`, whatever its type; the callback finds its address."""
    tenant, token = await scenario.tenant()
    files = [
        {"type": "document", "url": "https://example.org/a.pdf", "mime_type": "application/pdf"},
        {"type": "sticker"},
        {"type": "hologram"},
    ]
    for number, file in enumerate(files):
        fields = {"message_id": str(number), "text": None, "media": None, "attachments": [file]}
        assert (await post(scenario.api, token, message(tenant["number"], **fields))).status_code == 200
    bodies = await scenario.delivered()
    assert [body["message"]["media"]["type"] for body in bodies] == ["file", "sticker", "other"]
    assert [body["original"]["attachments"] for body in bodies] == [[file] for file in files]
    assert {body["message"]["text"] for body in bodies} == {""}


async def test_messages_without_an_id_are_told_apart_by_their_content_and_time(scenario: ProviderScenario) -> None:
    """Without a time too, each post is a message: a doubled one is better than a lost one."""
    tenant, token = await scenario.tenant()
    for fields in ({}, {}, {"ts": 1716748801}, {"text": "other"}, {"ts": None}, {"ts": None}):
        assert (await post(scenario.api, token, message(tenant["number"], message_id=None, **fields))).status_code == 200
    assert len(await scenario.delivered()) == 5


async def test_two_tenants_may_have_messages_of_one_id(scenario: ProviderScenario) -> None:
    """Each gets its own."""
    for _ in range(2):
        tenant, token = await scenario.tenant()
        assert (await post(scenario.api, token, message(tenant["number"]))).status_code == 200
    assert len({body["id"] for body in await scenario.delivered()}) == 2


async def test_a_session_that_is_ready_is_an_event_for_who_chose_it(scenario: ProviderScenario) -> None:
    """With its state and time, once for each time; others have it in their log."""
    tenant, token = await scenario.tenant(events=["message", "ready"])
    ready = {"event": "ready", "tenant": tenant["number"], "channel": "whatsapp", "state": "open", "ts": 1716748800}
    for _ in range(2):
        assert (await post(scenario.api, token, ready)).json() == {"ok": True, "queued": True}
    (body,) = await scenario.delivered()
    assert (body["event"], body["channel"]) == ("ready", "whatsapp")
    assert body["ready"] == {"state": "open", "at": "2024-05-26T18:40:00+00:00"}
    other, theirs = await scenario.tenant()
    assert (await post(scenario.api, theirs, {**ready, "tenant": other["number"]})).status_code == 200
    assert len(await scenario.delivered()) == 1
    (line,) = (await scenario.api.call("GET", f"/tenants/{other['id']}/deliveries")).json()
    assert (line["status"], line["reason"]) == ("dropped", "kind not wanted")


async def test_a_qr_code_is_kept_for_three_minutes_and_more_and_is_no_event(provider_api: Api, known: tuple[dict[str, Any], str]) -> None:
    """By its id, and as the last one, until the session is ready."""
    tenant, token = known
    sessions, tenant_id, now = ProviderSessionStore(provider_api.table), TenantId(tenant["id"]), provider_api.clock.now()
    before = (await provider_api.call("GET", f"/tenants/{tenant['id']}/deliveries")).json()
    for number in ("1", "2#3"):
        answer = await post(provider_api, token, {**QR, "tenant": tenant["number"], "qr_id": number})
        assert (answer.status_code, answer.text) == (200, '{"ok":true,"queued":false,"event":"qr"}')
    last = sessions.get(tenant_id, Channel.WHATSAPP)
    assert last
    assert (last.qr_id, last.qr_until) == ("2#3", now + QR_KEPT)
    assert timedelta(seconds=180) <= QR_KEPT
    for number in ("1", "2#3"):
        assert sessions.svg(tenant_id, Channel.WHATSAPP, number, now + timedelta(seconds=180)) == QR["svg"]
        assert sessions.svg(tenant_id, Channel.WHATSAPP, number, now + QR_KEPT) is None
    assert (await provider_api.call("GET", f"/tenants/{tenant['id']}/deliveries")).json() == before
    await post(provider_api, token, {"event": "ready", "tenant": tenant["number"], "ts": 1716748800})
    last = sessions.get(tenant_id, Channel.WHATSAPP)
    assert last
    assert (last.qr_id, last.ready_at) == (None, now.fromtimestamp(1716748800, now.tzinfo))


@pytest.mark.parametrize("svg", [None, "", 5, [], "QR", "<svg><script>alert(1)</script></svg>", "<svg onload='alert(1)'/>", "x" * 200_000])
async def test_a_qr_code_without_an_image_that_only_draws_is_invalid_qr(
    provider_api: Api, known: tuple[dict[str, Any], str], svg: Any
) -> None:
    """422, with or without an id, and nothing is kept."""
    tenant, token = known
    for fields in ({"qr_id": "refused"}, {"qr_id": None}):
        body = {**QR, **fields, "tenant": tenant["number"], "svg": svg}
        answer = await post(provider_api, token, {name: value for name, value in body.items() if value is not None})
        assert (answer.status_code, answer.json()["error"]) == (422, "invalid_qr")
        assert "alert" not in answer.text
    kept = ProviderSessionStore(provider_api.table).svg(TenantId(tenant["id"]), Channel.WHATSAPP, "refused", provider_api.clock.now())
    assert kept is None


async def test_a_qr_code_without_an_id_is_422(provider_api: Api, known: tuple[dict[str, Any], str]) -> None:
    """Its field is named."""
    answer = await post(provider_api, known[1], {**QR, "tenant": known[0]["number"], "qr_id": None})
    assert (answer.status_code, answer.json()["fields"][0]["field"]) == (422, "body.qr_id")


async def test_what_nobody_takes_is_in_the_log_and_can_be_had_later(scenario: ProviderScenario) -> None:
    """A tenant without a callback; a replay brings the message once there is one."""
    tenant = await scenario.api.new_tenant()
    token = await token_of(scenario.api, tenant["number"])
    assert (await post(scenario.api, token, message(tenant["number"]))).status_code == 200
    assert await scenario.delivered() == []
    (line,) = (await scenario.api.call("GET", f"/tenants/{tenant['id']}/deliveries")).json()
    assert (line["status"], line["reason"], line["chat"]) == ("dropped", "no callback", "whatsapp:79991234567@c.us")
    await scenario.api.call("PATCH", f"/tenants/{tenant['id']}", json={"callback_url": scenario.delivery.url})
    answer = await scenario.api.call("POST", f"/tenants/{tenant['id']}/deliveries/{line['event_id']}/replay")
    assert answer.status_code == 202, answer.text
    (body,) = await scenario.delivered()
    assert body["id"] == line["event_id"]


def without_queue(api: Api) -> Api:
    """Return the API while its queue does not answer: nothing listens at that address."""
    nowhere = boto3.client(
        "sqs", endpoint_url="http://127.0.0.1:1", region_name="us-east-1", config=Config(retries={"total_max_attempts": 1})
    )
    queue = EventsQueue(nowhere, api.queue_url)
    events = ProviderEvents(api.deliveries, ProviderSessionStore(api.table), queue, api.clock)
    return api.serving(api.composed(ROUTERS, api.dependencies.replacing(events)))


async def test_an_answer_means_that_the_event_is_recorded_and_queued(scenario: ProviderScenario) -> None:
    """Without the queue it is 503, and the same post counts once the queue is back."""
    tenant, token = await scenario.tenant()
    answer = await post(without_queue(scenario.api), token, message(tenant["number"]))
    assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert await scenario.delivered() == []
    assert (await post(scenario.api, token, message(tenant["number"]))).json() == {"ok": True, "queued": True}
    assert len(await scenario.delivered()) == 1


async def test_nothing_that_was_posted_is_in_the_log(provider_api: Api, known: tuple[dict[str, Any], str]) -> None:
    """No token, no text, no number; the line names route, tenant and status."""
    tenant, token = known
    await provider_api.call("POST", f"/webhook?token={token}", headers=JSON, json=message(tenant["number"], text="a secret text"))
    log = provider_api.log.text
    assert not [word for word in (token, "a secret text", "79991234567") if word in log]
    line = provider_api.log.said("request")[-1]
    assert (line["route"], line["tenant"], line["status"]) == ("/webhook", tenant["id"], 200)


def counted(printed: str) -> list[dict[str, Any]]:
    """Return the metrics in what was printed: their names and dimensions."""
    found = []
    for line in printed.splitlines():
        emf = json.loads(line)
        (described,) = emf["_aws"]["CloudWatchMetrics"]
        (name,) = (metric["Name"] for metric in described["Metrics"])
        assert (described["Namespace"], emf[name]) == ("Avio", [1.0])
        found.append({"name": name, **{dimension: emf[dimension] for dimension in described["Dimensions"][0]}})
    return found


async def test_each_post_is_counted_by_status_channel_and_event(
    provider_api: Api, known: tuple[dict[str, Any], str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Refused ones too; nothing of what a stranger sends becomes a name."""
    tenant, token = known
    posts = [
        (token, message(tenant["number"], message_id="counted"), "ok", "whatsapp", "messages.incoming"),
        (token, {**QR, "tenant": tenant["number"]}, "ok", "whatsapp", "qr"),
        (token, {**QR, "tenant": tenant["number"], "svg": ""}, "invalid", "whatsapp", "qr"),
        (token, {"event": "ready", "tenant": tenant["number"]}, "ok", "unknown", "ready"),
        (token, b"[", "invalid", "unknown", "unknown"),
        ("wrong", {"event": "x" * 100, "channel": {"a": []}, "provider": "y"}, "unauthorized", "unknown", "unknown"),
    ]
    for credential, body, status, channel, event in posts:
        capsys.readouterr()
        await post(provider_api, credential, body)
        assert counted(capsys.readouterr().out) == [
            {"name": "webhook_provider_total", "status": status, "channel": channel},
            {"name": "wa_to_app_total", "event": event, "status": status},
        ]


def rows(table: Table, tenant: str) -> list[Any]:
    """Return all rows of a tenant."""
    return list(table.query("pk = :pk", {":pk": f"T#{tenant}"}, ConsistentRead=True))


async def test_nothing_of_a_deleted_tenant_is_kept(provider_api: Api) -> None:
    """Neither token, nor session, nor code; and nothing new is taken for it."""
    tenant = await provider_api.new_tenant()
    token = await token_of(provider_api, tenant["number"])
    await post(provider_api, token, {**QR, "tenant": tenant["number"]})
    await provider_api.call("DELETE", f"/tenants/{tenant['id']}")
    assert rows(provider_api.table, tenant["id"]) == []
    assert (await post(provider_api, token, {**QR, "tenant": tenant["number"]})).status_code == 401
