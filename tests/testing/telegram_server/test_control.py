"""The control interface over HTTP, by its own client."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from telethon import TelegramClient, functions, types
from telethon.crypto import AuthKey
from telethon.sessions import StringSession

from testing.telegram_server.control_client import ControlClient, ControlRefusedError
from testing.telegram_server.mtproto.server_key import ServerKey
from testing.telegram_server.server import TelegramServer
from tests.testing.telegram_server.accounts import ANN, BOB, WAIT_S, Inbox, logged_in

JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def served(server_key: ServerKey) -> AsyncIterator[TelegramServer]:
    """A server with its HTTP interface."""
    async with TelegramServer(server_key=server_key, control_port=0) as running:
        yield running


@pytest.fixture
async def control(served: TelegramServer) -> AsyncIterator[ControlClient]:
    """A client of it; it blocks, so the tests call it in threads."""
    assert served.control_url is not None
    client = ControlClient(served.control_url)
    await asyncio.to_thread(client.create_person, ANN, first_name="Ann", username="ann_lee")
    await asyncio.to_thread(client.create_person, BOB, first_name="Bob", password="s3cret")
    yield client
    client.close()


async def test_info_says_how_to_connect(served: TelegramServer, control: ControlClient) -> None:
    """Host, port, data centre and public key, all that a client needs."""
    info = await asyncio.to_thread(control.info)
    assert (info["host"], info["port"], info["dc_id"]) == ("127.0.0.1", served.port, 2)
    assert info["public_key"].startswith("-----BEGIN RSA PUBLIC KEY-----")


async def test_people_are_made_changed_and_listed(control: ControlClient) -> None:
    """A person is found by phone, username and id; secrets are not shown; no phone or username is given twice."""

    def act() -> None:
        ann = control.person("@ann_lee")
        assert control.person(ANN) == control.person(str(ann["id"])) == ann
        assert control.person(BOB)["has_password"]
        assert "s3cret" not in str(control.people())
        assert control.change_person(ANN, first_name="Anna", username="")["username"] is None
        for phone, more, code in [(ANN, {}, "phone_taken"), ("+15550100099", {"first_name": "x" * 65}, "invalid"), ("1", {}, "invalid")]:
            with pytest.raises(ControlRefusedError) as refused:
                control.create_person(phone, **more)
            assert refused.value.code == code
        with pytest.raises(ControlRefusedError, match="no_such_person"):
            control.person("+15550100098")

    await asyncio.to_thread(act)


async def test_waiting_for_messages_is_served_by_the_server(served: TelegramServer, control: ControlClient) -> None:
    """A wait returns as soon as enough messages match, without polling; in vain, it is a TimeoutError."""
    async with logged_in(served, ANN) as ann:
        waiting = asyncio.ensure_future(asyncio.to_thread(control.wait_messages, BOB, 2, direction="in", contains="ping"))
        for text in ("ping 1", "other", "ping 2"):
            await ann.send_message((await ann.get_input_entity("me")) if text == "other" else await _bob(ann), text)
        assert [message["text"] for message in await waiting] == ["ping 1", "ping 2"]
        with pytest.raises(TimeoutError):
            await asyncio.to_thread(control.wait_messages, BOB, 9, 0.01)


async def test_a_conversation_from_the_phone(served: TelegramServer, control: ControlClient) -> None:
    """Bob's phone sends, replies with a file, reads and types; chats show it all from both sides."""
    async with logged_in(served, ANN) as ann:
        inbox = Inbox(ann)

        def act() -> None:
            sent = control.send(BOB, ANN, "hello")
            control.send(BOB, "@ann_lee", "see this", reply_to=sent["id"], content=b"file", name="a.txt", mime_type="text/plain")
            control.typing(BOB, ANN)
            received = control.messages(ANN, chat=BOB)
            assert [(m["text"], m["reply_to"], m["outgoing"]) for m in received] == [
                ("hello", None, False),
                ("see this", received[0]["id"], False),
            ]
            assert received[1]["media"]["name"] == "a.txt"
            assert control.media(ANN, received[1]["id"]) == b"file"
            (chat,) = [chat for chat in control.chats(ANN) if chat["chat"]["phone"] == BOB]
            assert (chat["unread"], chat["last"]["text"]) == (2, "see this")
            assert control.read(ANN, BOB)
            assert not control.read(ANN, BOB)
            assert all(message["read"] for message in control.messages(BOB, chat=ANN))

        await asyncio.to_thread(act)
        assert [event.raw_text for event in await inbox.take(2)] == ["hello", "see this"]


async def test_groups_over_http(control: ControlClient) -> None:
    """Groups are made, changed, entered, left, written in and shown; the wrong ones are refused by name."""

    def act() -> None:
        group = control.create_group("supergroup", "Town", ANN, (BOB,), username="the_town")
        number = group["id"]
        assert control.group("@the_town") == control.group(number) == control.groups()[0] == group
        assert control.change_group(number, title="City")["name"] == "City"
        assert not control.change_member(number, BOB, may_write=False)["members"][1]["may_write"]
        with pytest.raises(ControlRefusedError, match="USER_BANNED_IN_CHANNEL"):
            control.send(BOB, str(number), "hi")
        sent = control.send(ANN, str(number), "helo")
        assert control.edit(ANN, sent["id"], "hello", str(number))["text"] == "hello"
        assert control.read(BOB, str(number))
        control.delete(ANN, sent["id"], str(number))
        assert control.remove_member(number, BOB, by=ANN)["members"][1]["standing"] == "kicked"
        assert control.add_member(number, BOB)["members"][1]["standing"] == "in"
        with pytest.raises(ControlRefusedError, match="no_such_group"):
            control.group(-5)
        with pytest.raises(ControlRefusedError, match="username_taken"):
            control.create_group("channel", "Town", ANN, username="the_town")
        with pytest.raises(ControlRefusedError, match="no_such_message"):
            control.edit(ANN, 999, "x", str(number))
        assert {"group", "message", "edit", "deletion", "read"} <= {change["kind"] for change in control.changes(person=BOB)["changes"]}
        assert control.advance_clock(5) > 0
        assert [control.new_session(), control.change_salt(), control.transport_error(-429)] == [0, 0, 0]

    await asyncio.to_thread(act)


async def test_the_stream_of_changes_shows_a_phone_live(served: TelegramServer, control: ControlClient) -> None:
    """Codes, log-ins, messages and reads come in order, each once, for one person or for all."""
    start = (await asyncio.to_thread(control.changes))["last"]
    waiting = asyncio.ensure_future(asyncio.to_thread(control.changes, start, WAIT_S, ANN))
    async with logged_in(served, ANN):
        first = (await waiting)["changes"][0]
        assert first["kind"] == "code"
        assert first["login"]["code"].isdigit()
        await asyncio.to_thread(control.send, BOB, ANN, "hello")
        await asyncio.to_thread(control.read, ANN, BOB)
    seen = await asyncio.to_thread(control.changes, start, 0, ANN)
    assert [change["kind"] for change in seen["changes"]] == ["code", "message", "authorization", "message", "read"]
    assert seen["changes"][3]["message"]["text"] == "hello"
    assert not seen["missed"]
    assert (await asyncio.to_thread(control.changes, 10**9))["missed"]


async def test_faults_settings_and_counters(control: ControlClient) -> None:
    """They are set, shown and cleared; what makes no sense is refused by name."""

    def act() -> None:
        fault = control.inject("flood_wait", phone=ANN, method="messages.sendMessage", seconds=5, times=None)
        assert [each["number"] for each in control.faults()] == [fault["number"]]
        control.clear_faults()
        assert control.faults() == []
        assert control.settings(difference_slice=5)["difference_slice"] == 5
        assert control.settings()["difference_slice"] == 5
        for wrong in ({"difference_slice": 0}, {"nothing_such": 1}):
            with pytest.raises(ControlRefusedError, match="invalid"):
                control.settings(**wrong)
        with pytest.raises(ControlRefusedError, match="kind"):
            control.inject("earthquake")
        assert control.counters()["unknown_methods"] == {}

    await asyncio.to_thread(act)


async def test_connections_and_authorisations(served: TelegramServer, control: ControlClient) -> None:
    """They are listed with their person, cut and revoked."""
    async with logged_in(served, ANN) as ann:

        def act() -> None:
            (connection,) = control.connections()
            assert connection["person_id"] == control.person(ANN)["id"]
            (authorization,) = control.authorizations(ANN)
            assert (authorization["device_model"], authorization["connections"]) == ("Test", 1)
            assert control.revoke(ANN, authorization["hash"]) == 1
            assert control.kick() == 1
            with pytest.raises(ControlRefusedError, match="no_such_authorization"):
                control.revoke(ANN, "1")

        await asyncio.to_thread(act)
        assert await ann.get_me() is None


async def test_errors_are_json(served: TelegramServer, control: ControlClient) -> None:
    """An unknown route, a body that is no JSON and a number that is none are told as JSON."""
    async with httpx.AsyncClient(base_url=served.control_url or "", trust_env=False) as http:
        assert (await http.get("/nowhere")).json()["error"] == "no_such_route"
        assert (await http.post("/people", content=b"{", headers=JSON)).json()["error"] == "invalid"
        assert (await http.patch("/settings", content=b"{", headers=JSON)).json()["error"] == "invalid"
        assert (await http.get("/changes?after=x")).json()["error"] == "invalid"
        assert (await http.get("/health")).json() == {"ok": True}


@pytest.mark.parametrize(
    ("headers", "status", "error"),
    [
        ({"Content-Type": "text/plain"}, 415, "not_json"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415, "not_json"),
        ({"Content-Type": ""}, 415, "not_json"),
        ({**JSON, "Origin": "http://evil.example"}, 403, "foreign"),
        ({**JSON, "Origin": "null"}, 403, "foreign"),
        ({**JSON, "Sec-Fetch-Site": "same-site"}, 403, "foreign"),
        ({**JSON, "Host": "evil.example"}, 403, "foreign"),
        ({**JSON, "Authorization": "Basic YXZpbzp4"}, 401, "wrong_password"),
        ({**JSON, "Authorization": ""}, 401, "wrong_password"),
    ],
)
async def test_pages_and_strangers_make_nobody(served: TelegramServer, headers: dict[str, str], status: int, error: str) -> None:
    """A page may send text/plain to another origin unasked; another user of the machine has no password."""
    async with httpx.AsyncClient(base_url=served.control_url or "", trust_env=False) as http:
        request = http.build_request("POST", "/people", content=b'{"phone": "+15550666"}', headers=headers)
        answer = await http.send(request, auth=httpx.Auth() if "Authorization" in headers else httpx.USE_CLIENT_DEFAULT)
        assert (answer.status_code, answer.json()["error"]) == (status, error)
        assert "access-control-allow-origin" not in answer.headers
        assert "+15550666" not in [person["phone"] for person in (await http.get("/people")).json()["people"]]


@pytest.mark.parametrize("path", ["/", "/health", "/people", f"/people/{ANN}/code", "/nowhere"])
async def test_strangers_read_nothing(served: TelegramServer, control: ControlClient, path: str) -> None:
    """Codes above all."""
    url = httpx.URL(served.control_url or "").copy_with(username="", password=None)
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        answer = await http.get(path)
    assert (answer.status_code, answer.json()["error"]) == (401, "wrong_password")


async def test_stopping_does_not_wait_for_those_who_wait(server_key: ServerKey) -> None:
    """A long wait ends when the server stops."""
    async with TelegramServer(server_key=server_key, control_port=0) as running:
        assert running.control_url is not None
        with ControlClient(running.control_url) as control:
            waiting = asyncio.ensure_future(asyncio.to_thread(control.changes, 0, 50))
            while not running.services.changes.awaited:  # noqa: ASYNC110  nothing tells when a request has arrived
                await asyncio.sleep(0)
            await running.__aexit__()
            assert (await waiting)["changes"] == []


async def _bob(ann: Any) -> Any:
    """Return Bob as Ann may name him: by his phone, through her address book."""
    contact = types.InputPhoneContact(1, BOB, "Bob", "")
    imported = await ann(functions.contacts.ImportContactsRequest([contact]))
    return imported.users[0]


async def test_phones_are_logged_in_without_a_client(served: TelegramServer, control: ControlClient) -> None:
    """Each gets a key that works, one of them a person who was not there; a second key is another log-in."""
    made = await asyncio.to_thread(control.authorize, [ANN, "+15550777", ANN])
    assert [one["phone"] for one in made] == [ANN, "+15550777", ANN]
    assert len({one["key"] for one in made}) == 3
    for one in made:
        session = StringSession()
        session.set_dc(2, served.host, served.port)
        session.auth_key = AuthKey(data=base64.b64decode(one["secret"]))
        client = TelegramClient(session, 1, "test")
        await client.connect()
        assert (await client.get_me()).id == one["person_id"]
        state = await client(functions.updates.GetStateRequest())
        assert (state.pts, state.qts, state.seq) == (one["state"]["pts"], one["state"]["qts"], one["state"]["seq"])
        await client.disconnect()
    assert len(await asyncio.to_thread(control.authorizations, ANN)) == 2


async def test_many_messages_are_sent_with_one_request(control: ControlClient) -> None:
    """They arrive in their order; the first that is refused ends it, and what was before it stays."""
    texts = [f"number {number}" for number in range(5)]
    sent = await asyncio.to_thread(control.send_many, [{"sender": ANN, "to": BOB, "text": text} for text in texts])
    assert sent == 5
    wrong = [{"sender": ANN, "to": BOB, "text": "last"}, {"sender": "+15550999", "to": BOB, "text": "never"}]
    with pytest.raises(ControlRefusedError, match="no_such_person"):
        await asyncio.to_thread(control.send_many, wrong)
    assert [one["text"] for one in await asyncio.to_thread(control.messages, BOB)] == [*texts, "last"]
