"""A database and a queue that an earlier commit has filled are served by today's code: over HTTP, to callbacks, and at Telegram."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from local.emulator_account import EmulatorAccount
from shared.clock import SystemClock
from shared.model.ids import WorkerId
from testing.telegram_server.control.specs import MessageFilter, SendSpec
from testing.telegram_server.server import TelegramServer
from tests.compatibility import stored, telegram_state
from tests.compatibility.answers import answers, api_of
from tests.compatibility.delivering import Delivering, Endpoints, delivered
from tests.compatibility.recording import ANSWERS, FOLDERS, POSTED, Recording
from tests.functions.api import Api
from tests.support.captured_log import CapturedLog
from tests.support.listener_harness import PATIENCE_S, ListenerHarness, telegram_of, until
from tests.support.worker_interface import interface


@pytest.fixture(params=FOLDERS, ids=lambda folder: folder.name)
def recording(account: EmulatorAccount, request: pytest.FixtureRequest) -> Recording:
    """Each recording in turn, loaded."""
    return Recording(account, request.param)


# over HTTP


def of_then(now: Any, then: Any) -> Any:
    """Leave out of an answer of now, at any depth, the fields that the answer of then does not have."""
    match now, then:
        case dict(), dict():
            return {name: of_then(value, then[name]) for name, value in now.items() if name in then}
        case list(), list() if len(now) == len(then):
            return [of_then(one, other) for one, other in zip(now, then, strict=True)]
    return now


async def test_the_api_answers_each_tenant_as_before(recording: Recording) -> None:
    """To the keys that were given out then: keys, accounts, deliveries and callbacks, field by field. Fields may have been added."""
    said = await answers(recording)
    expected = recording.read(ANSWERS)
    assert said.keys() == expected.keys()
    for name, answer in expected.items():
        assert of_then(json.loads(json.dumps(said[name])), answer) == answer, name


async def test_a_key_opens_what_it_opened(recording: Recording) -> None:
    """One that may only read does not change anything, and a creation that is repeated makes no second tenant."""
    api, anna = api_of(recording), f"/tenants/{recording.id('anna')}"
    reading = recording.key("anna", "reading_key")
    assert (await api.call("GET", anna, headers=reading)).status_code == 200
    assert (await api.call("PATCH", anna, headers=reading, json={"name": "Other"})).json()["error"] == "forbidden"
    creation = recording.cast["creation"]
    headers = {**recording.admin, "Idempotency-Key": creation["idempotency_key"]}
    again = await api.call("POST", "/tenants", headers=headers, json=creation["body"])
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert {name: again.json()[name] for name in ("id", "key", "signing_secret")} == recording.cast["tenants"]["once"]


# to callbacks


async def test_what_was_queued_and_parked_is_delivered_as_it_would_have_been(recording: Recording) -> None:
    """Byte for byte, under the same headers, each chat in its order; and nothing is left behind."""
    posted = await delivered(recording)
    expected = recording.read(POSTED)
    assert posted.keys() == expected.keys()
    for chat, attempts in expected.items():
        assert posted[chat] == attempts, chat
    left = Delivering(recording.aws, recording.clock, Endpoints()).delivery
    assert left.left_in_queue() == 0
    for name in recording.cast["tenants"]:
        assert not list(left.backlog.chats(recording.id(name))), name
        waiting = [one for one in await _deliveries(recording, name) if one["status"] in {"pending", "parked"}]
        assert not waiting, name


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_what_is_expected_to_be_posted_is_signed_and_in_order(folder: Path) -> None:
    """The recording itself is right: each body is signed with its tenant's secret, and a chat's messages come by their numbers."""
    posted, cast = json.loads((folder / POSTED).read_text()), json.loads((folder / "cast.json").read_text())
    secrets = {tenant["id"]: tenant["signing_secret"] for tenant in cast["tenants"].values()}
    for attempts in posted.values():
        for one in attempts:
            signed = hmac.new(secrets[one["tenant_id"]].encode(), one["body"].encode(), hashlib.sha256).hexdigest()
            assert one["headers"]["X-Signature"] == f"sha256={signed}"
        numbers = [json.loads(one["body"])["message"]["message_id"] for one in attempts]
        assert numbers == sorted(set(numbers))


def test_the_first_recording_holds_every_form() -> None:
    """Of queue messages and of accounts, as its commit knew them: a recording that says little would prove little."""
    (folder,) = [folder for folder in FOLDERS if folder.name == "before_channels"]
    messages = stored.queued(folder)
    bodies = [json.loads(message["body"]) for message in messages]
    events = [body for body in bodies if "message" in body]
    assert {event["message"]["chat_type"] for event in events} == {"private", "group", "channel"}
    assert {event["backfilled"] for event in events} == {True, False}
    assert all(any(field in event["message"] for event in events) for field in ("media", "reply_to", "sender_username"))
    pointers = [
        message["deduplication_id"] == body["event_id"] for message, body in zip(messages, bodies, strict=True) if body not in events
    ]
    assert sorted(pointers) == [False, True]  # a replay, and an event that was too large
    states = {row["state"]["S"] for row in stored.rows_in(folder, "avio") if row["sk"]["S"].startswith("ACCOUNT") and "state" in row}
    ended = {"logging_out", "logged_out", "failed", "key_duplicated", "banned"}
    assert states == {"code_sent", "need_2fa", "authorized", "restricted", "frozen", *ended}  # a new account has none on its row


async def _deliveries(recording: Recording, name: str) -> list[dict[str, Any]]:
    answer = await api_of(recording).call("GET", f"/tenants/{recording.id(name)}/deliveries", headers=recording.key(name))
    found: list[dict[str, Any]] = answer.json() if answer.is_success else []
    return found


# at Telegram


@pytest.fixture
async def server(recording: Recording, tmp_path: Path) -> AsyncIterator[TelegramServer]:
    """The Telegram test server as it was."""
    telegram_state.load(tmp_path / "telegram", recording.folder)
    async with TelegramServer(state=tmp_path / "telegram") as running:
        yield running


class ReplayEnvironment:
    """The API, a listener behind it, and Telegram."""

    def __init__(self, recording: Recording, server: TelegramServer) -> None:
        self.recording, self.server = recording, server
        self.harness = ListenerHarness(recording.aws, telegram_of(server), CapturedLog())
        self.api: Api = api_of(recording)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Have a listener run, which the API finds. The worker that was silent is dead by now: nobody shares the accounts with it."""
        self._bury("silent")
        async with interface(self.harness):
            try:
                yield
            finally:
                self.api.owner.close()  # the listener waits for its callers to leave

    async def call(self, method: str, name: str, path: str, **request: Any) -> dict[str, Any]:
        """Call the API about a tenant, with its own key."""
        answer = await self.api.call(method, f"/tenants/{self.recording.id(name)}{path}", headers=self.recording.key(name), **request)
        assert answer.is_success, answer.text
        said: dict[str, Any] = answer.json()
        return said

    async def told(self, name: str, **fields: Any) -> dict[str, Any]:
        """Wait until a tenant's status says so."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                status = await self.call("GET", name, "/status")
                if fields.items() <= status.items():
                    return status
                await asyncio.sleep(0.05)  # rows announce nothing

    async def send(self, peer: str | int, text: str) -> None:
        """Send as Anna."""
        await self.call("POST", "anna", "/messages/send", json={"peer": peer, "text": text})

    def write(self, sender: str, to: str, text: str) -> None:
        """Have a person write to another."""
        self.server.messages.send(self.phone(sender), SendSpec(to=to, text=text))

    async def got(self, name: str, count: int) -> list[str]:
        """Wait until a person has got that many messages from Anna."""
        anna = str(self.recording.cast["people"]["anna"]["id"])
        wanted = MessageFilter(chat=anna, direction="in")
        return [found["text"] for found in await self.server.messages.wait(self.phone(name), count, wanted=wanted)]

    def phone(self, name: str) -> str:
        """Return a person's phone."""
        return str(self.recording.cast["people"][name]["phone"])

    def rows(self, name: str) -> list[Any]:
        """Return what table `avio` holds of a tenant."""
        return list(self.harness.table.query("pk = :pk", {":pk": f"T#{self.recording.id(name)}"}, ConsistentRead=True))

    def _bury(self, worker: str) -> None:
        """Have a worker that was silent be dead."""
        worker_id = WorkerId(self.recording.cast["workers"][worker])
        row = self.harness.workers.get(worker_id)
        assert row
        assert self.harness.workers.kill(worker_id, row.beat, SystemClock().now())


@pytest.fixture
async def replay(recording: Recording, server: TelegramServer) -> ReplayEnvironment:
    """A recording with nothing in the queue."""
    made = ReplayEnvironment(recording, server)
    while await made.harness.take_queued():
        pass
    return made


def texts(events: list[dict[str, Any]]) -> list[str]:
    return sorted(event["message"]["text"] for event in events)


async def test_a_listener_goes_on_with_a_dead_workers_account(replay: ReplayEnvironment) -> None:
    """With its session and marks: what was missed comes once, what comes now too, and stored peers of every kind are answered."""
    people, groups = replay.recording.cast["people"], replay.recording.cast["groups"]
    async with replay.listening():
        await replay.told("anna", connected=True)
        replay.write("alice", replay.phone("anna"), "today")
        missed = ["after the crash", "to the supergroup after the crash"]
        assert texts(await replay.harness.queued(3)) == sorted([*missed, "today"])
        await replay.send(people["alice"]["id"], "an answer")
        await replay.send(people["carol"]["id"], "an answer to whom a message names")
        for kind in ("basic", "supergroup"):
            await replay.send(groups[kind], f"to the {kind} again")
        assert await replay.got("alice", 2) == ["from Anna", "an answer"]
        assert await replay.got("carol", 1) == ["an answer to whom a message names"]
        assert await replay.harness.take_queued() == []
    assert replay.server.operation.counters()["auth_key_duplicated"] == 0


async def test_a_listener_goes_on_with_log_ins_and_log_outs(replay: ReplayEnvironment) -> None:
    """What was half done is finished: a code, a password, log-outs, an ended tenant; and a log-in begins where a session is lost."""
    async with replay.listening():
        await replay.call("POST", "code", "/auth/verify", json={"phone": replay.phone("code"), "code": replay.recording.cast["code"]})
        await replay.call(
            "POST", "twofa", "/auth/verify", json={"phone": replay.phone("twofa"), "password": replay.recording.cast["password"]}
        )
        for name in ("code", "twofa"):
            await replay.told(name, state="authorized", connected=True)
        for name in ("leaving", "wanted"):
            await replay.told(name, state="logged_out")
            assert replay.server.people.authorizations(replay.phone(name)) == []
        await until(lambda: not replay.rows("ended"))
        assert replay.server.people.authorizations(replay.phone("ended")) == []
        for name in ("failed", "out", "begun", "duplicated", "banned"):
            assert (await replay.call("POST", name, "/auth/start", json={"phone": replay.phone(name)}))["delivery"] == "app"


async def test_a_listener_takes_over_what_telegram_limits(replay: ReplayEnvironment) -> None:
    """A restricted account and a frozen one stay so."""
    async with replay.listening():
        await replay.told("restricted", state="restricted", connected=True)
        frozen = await replay.told("frozen", state="frozen", connected=True)
        assert frozen["appeal_url"] == "https://t.me/spambot?start=frozen"
