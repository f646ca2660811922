"""What survives a restart, and a `kill -9` right after an answer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from telethon import TelegramClient, functions
from telethon.crypto import rsa
from telethon.sessions import StringSession

from testing.telegram_server.control.specs import EditSpec, GroupSpec, MessageFilter, PersonSpec, SendSpec
from testing.telegram_server.control_client import ControlClient
from testing.telegram_server.mtproto.server_key import ServerKey
from testing.telegram_server.server import TelegramServer
from testing.telegram_server.store import StateInUseError
from tests.testing.telegram_server.accounts import ANN, BOB, WAIT_S, Inbox, logged_in, saved
from tests.testing.telegram_server.conftest import add_people

ROOT = Path(__file__).resolve().parents[3]


async def test_a_restart_keeps_everything(tmp_path: Path, server_key: ServerKey) -> None:
    """Key, log-in, messages, pts, password and files are there after a restart; the client comes back without logging in."""
    async with TelegramServer(state=tmp_path, server_key=server_key) as server:
        add_people(server)
        server.people.create(PersonSpec(phone="+15550100009", password="s3cret"))
        async with logged_in(server, BOB) as bob:
            session, state = saved(bob), await bob(functions.updates.GetStateRequest())
            request = functions.messages.SendMessageRequest("ann_lee", "before", random_id=5)
            first = await bob(request)
            await bob.send_file("ann_lee", b"content", force_document=True)
    async with TelegramServer(state=tmp_path) as server:
        assert server.people.get("+15550100009")["has_password"]
        assert server.operation.counters()["keys_created"] == 0
        async with logged_in(server, BOB, session) as bob:
            missed = await bob(functions.updates.GetDifferenceRequest(state.pts, state.date, state.qts))
            assert [message.message for message in missed.new_messages] == ["before", ""]
            assert await bob.download_media(missed.new_messages[1], bytes) == b"content"
            assert (await bob._sender.send(request)).id == first.id
            inbox = Inbox(bob)
            server.messages.send(ANN, SendSpec(to=BOB, text="after"))
            assert (await inbox.next()).raw_text == "after"


async def test_a_restart_keeps_groups(tmp_path: Path, server_key: ServerKey) -> None:
    """Groups, members, channels' pts, edits, deletions, reads, repeats and the clock are as they were."""
    async with TelegramServer(state=tmp_path, server_key=server_key) as server:
        add_people(server)
        spec = GroupSpec(kind="supergroup", title="Town", creator=ANN, members=[BOB], username="the_town")
        town = server.groups.create(spec)["id"]
        trip = server.groups.create(GroupSpec(kind="basic", title="Trip", creator=ANN, members=[BOB]))["id"]
        first = server.messages.send(ANN, SendSpec(to=str(town), text="helo"))["id"]
        doomed = server.messages.send(ANN, SendSpec(to=str(town), text="doomed"))["id"]
        server.messages.edit(ANN, first, EditSpec(text="hello", chat=str(town)))
        server.messages.delete(ANN, doomed, str(town))
        in_trip = server.messages.send(ANN, SendSpec(to=str(trip), text="pack"))["id"]
        server.messages.read(BOB, str(town))
        server.operation.clock(1000)
        before = [server.groups.get(str(town)), server.groups.get(str(trip))]
        async with logged_in(server, BOB) as bob:
            session = saved(bob)
            request = functions.messages.SendMessageRequest("the_town", "once", random_id=5)
            sent = (await bob(request)).updates[1]
        now, pts = server.operation.clock(), before[0].pop("pts")
    async with TelegramServer(state=tmp_path) as server:
        assert server.operation.clock() >= now
        after = [server.groups.get(str(town)), server.groups.get(str(trip))]
        assert after[0].pop("pts") == pts + 1
        assert after == before
        texts = [message["text"] for message in server.messages.select(BOB, MessageFilter(chat=str(town)))]
        assert texts == ["", "", "hello", "once"]
        async with logged_in(server, BOB, session) as bob:
            assert (await bob(request)).updates[1].pts == sent.pts
        server.messages.edit(ANN, in_trip, EditSpec(text="unpack"))
        assert server.messages.select(BOB, MessageFilter(chat=str(trip)))[-1]["text"] == "unpack"


async def test_a_log_in_goes_on_after_a_restart(tmp_path: Path, server_key: ServerKey) -> None:
    """The unauthorised key and the code that was sent survive as well."""
    async with TelegramServer(state=tmp_path, server_key=server_key) as server:
        add_people(server)
        client = _client(server.info())
        await client.connect()
        sent = await client.send_code_request(ANN)
        session = saved(client)
        await client.disconnect()
    async with TelegramServer(state=tmp_path) as server:
        client = _client(server.info(), session)
        await client.connect()
        code = (await server.people.code(ANN))["code"]
        assert (await client.sign_in(ANN, code, phone_code_hash=sent.phone_code_hash)).first_name == "Ann"
        await client.disconnect()


async def test_kill_9_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    """Killed right after a send was answered, the server comes back with the message, the log-in and the pts."""
    with _running(tmp_path) as (process, info), ControlClient(info["control_url"]) as control:
        control.create_person(ANN, first_name="Ann")
        control.create_person(BOB, first_name="Bob", username="bob_ray")
        client = _client(info)
        await client.connect()
        await client.send_code_request(ANN)
        await client.sign_in(ANN, control.code(ANN)["code"])
        sent = await client(functions.messages.SendMessageRequest("bob_ray", "answered", random_id=1))
        os.kill(process.pid, signal.SIGKILL)
        process.wait(WAIT_S)
        session = saved(client)
        await client.disconnect()
    with _running(tmp_path) as (process, info), ControlClient(info["control_url"]) as control:
        assert [message["text"] for message in control.messages(BOB)] == ["answered"]
        client = _client(info, session)
        await client.connect()
        assert (await client(functions.updates.GetStateRequest())).pts == sent.pts
        await client.disconnect()
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0


async def test_one_server_per_state(tmp_path: Path, server_key: ServerKey) -> None:
    """A second server over the same directory is refused."""
    async with TelegramServer(state=tmp_path, server_key=server_key):
        with pytest.raises(StateInUseError):
            TelegramServer(state=tmp_path)


def _client(info: dict[str, Any], session: str = "") -> Any:
    rsa.add_key(info["public_key"], old=False)
    kept = StringSession(session)
    kept.set_dc(info["dc_id"], info["host"], info["port"])
    return TelegramClient(kept, 1, "hash", auto_reconnect=False)


@contextmanager
def _running(state: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    command = [sys.executable, "-m", "testing.telegram_server", "--state", str(state)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()
