"""Data centres: everybody lives in one, keys are each one's own, and log-ins can be taken along for files."""

from __future__ import annotations

import contextlib
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from telethon import TelegramClient, errors
from telethon.tl import functions, types

from testing.telegram_server.control.specs import PersonPatch, PersonSpec
from testing.telegram_server.model.data_centres import DATA_CENTRES, DC_ID
from testing.telegram_server.mtproto.server_key import ServerKey
from testing.telegram_server.server import TelegramServer
from tests.testing.telegram_server.accounts import ANN, BOB, log_in, logged_in, new_client, saved

DAN, AWAY = "+15550100004", 4


@pytest.fixture(autouse=True)
def fresh_configuration() -> None:
    """Telethon keeps the list of data centres on its class, for all servers of a process."""
    TelegramClient._config = None


@pytest.fixture
def dan(server: TelegramServer) -> str:
    """Somebody who lives elsewhere."""
    server.people.create(PersonSpec(phone=DAN, first_name="Dan", username="dan_far", dc=AWAY))
    return DAN


@contextlib.asynccontextmanager
async def at(server: TelegramServer, dc: int, session: str = "") -> AsyncIterator[Any]:
    """Give a client that is connected to a data centre."""
    client = new_client(server, session)
    client.session.set_dc(dc, server.host, server.ports[dc].main)
    await client.connect()
    try:
        yield client
    finally:
        await client.disconnect()


async def test_the_configuration_lists_them(server: TelegramServer) -> None:
    """Each with its address for everything and one for files; it says which one answers."""
    async with at(server, AWAY) as client:
        config = await client(functions.help.GetConfigRequest())
    assert config.this_dc == AWAY
    assert [(each.id, each.port, bool(each.media_only)) for each in config.dc_options] == [
        (dc, port, media) for dc in DATA_CENTRES for port, media in ((server.ports[dc].main, False), (server.ports[dc].media, True))
    ]


async def test_a_phone_is_sent_to_its_own(server: TelegramServer, dan: str) -> None:
    """303 PHONE_MIGRATE_n, which an unmodified client follows: its key and its log-in are then at that data centre."""
    async with at(server, DC_ID) as raw:
        with pytest.raises(errors.PhoneMigrateError) as refused:
            await raw._sender.send(functions.auth.SendCodeRequest(dan, 1, "hash", types.CodeSettings()))
        assert refused.value.new_dc == AWAY
    client = new_client(server, request_retries=3)
    try:
        await log_in(client, server, dan)
        assert (client.session.dc_id, client.session.port) == (AWAY, server.ports[AWAY].main)
        assert (await client.get_me()).first_name == "Dan"
    finally:
        await client.disconnect()


async def test_a_key_is_known_where_it_was_made(server: TelegramServer) -> None:
    """Elsewhere it is answered by -404."""
    async with logged_in(server, ANN) as ann:
        session = saved(ann)
    client = new_client(server, session)
    client.session.set_dc(AWAY, server.host, server.ports[AWAY].main)
    with pytest.raises(errors.AuthKeyNotFound):
        await client.connect()
    await client.disconnect()


async def test_who_moves_during_a_log_in_goes_on_at_the_new_home(server: TelegramServer) -> None:
    """USER_MIGRATE_n for the code; the same hash is good at the new home, and no longer under the old key."""
    async with at(server, DC_ID) as client:
        sent = await client._sender.send(functions.auth.SendCodeRequest(ANN, 1, "hash", types.CodeSettings()))
        server.people.patch(ANN, PersonPatch(dc=AWAY))
        sign_in = functions.auth.SignInRequest(ANN, sent.phone_code_hash, (await server.people.code(ANN))["code"])
        with pytest.raises(errors.UserMigrateError):
            await client._sender.send(sign_in)
        async with at(server, AWAY) as moved:
            assert isinstance(await moved(sign_in), types.auth.Authorization)
        with pytest.raises(errors.PhoneCodeExpiredError):
            await client._sender.send(sign_in)


async def test_a_file_lies_where_its_owner_lives(server: TelegramServer, dan: str) -> None:
    """FILE_MIGRATE_n at home; under an imported authorisation the file comes, which an unmodified client does by itself."""
    content = b"a file of Dan's" * 5000
    async with at(server, AWAY) as client:
        await log_in(client, server, dan)
        await client.send_file("@ann_lee", io.BytesIO(content), force_document=True)
    async with logged_in(server, ANN) as ann:
        (message,) = await ann.get_messages("@dan_far", limit=1)
        document = message.document
        assert document.dc_id == AWAY
        location = types.InputDocumentFileLocation(document.id, document.access_hash, document.file_reference, "")
        with pytest.raises(errors.FileMigrateError) as refused:
            await ann(functions.upload.GetFileRequest(location, 0, 4096))
        assert refused.value.new_dc == AWAY
        assert await ann.download_media(message, bytes) == content
        assert await ann.get_me()  # two keys of one person, and neither is dead
        assert len(server.people.authorizations(ANN)) == 1


async def test_what_was_exported_is_good_at_one_place_and_for_files(server: TelegramServer) -> None:
    """Elsewhere AUTH_BYTES_INVALID; what is no file is sent home; it ends with the log-in that it came from."""
    async with logged_in(server, ANN) as ann:
        with pytest.raises(errors.DcIdInvalidError):
            await ann(functions.auth.ExportAuthorizationRequest(DC_ID))
        with pytest.raises(errors.DcIdInvalidError):
            await ann(functions.auth.ExportAuthorizationRequest(9))
        exported = await ann(functions.auth.ExportAuthorizationRequest(AWAY))
        taken = functions.auth.ImportAuthorizationRequest(exported.id, exported.bytes)
        async with at(server, 1) as elsewhere:
            with pytest.raises(errors.AuthBytesInvalidError):
                await elsewhere(taken)
        async with at(server, AWAY) as away:
            with pytest.raises(errors.UserIdInvalidError):
                await away(functions.auth.ImportAuthorizationRequest(exported.id + 1, exported.bytes))
            assert (await away(taken)).user.first_name == "Ann"
            assert await away(functions.upload.SaveFilePartRequest(7, 0, b"data"))
            with pytest.raises(errors.UserMigrateError):
                await away._sender.send(functions.updates.GetStateRequest())
            server.people.revoke(ANN, None)
            with pytest.raises(errors.UnauthorizedError):
                await away(functions.upload.SaveFilePartRequest(7, 1, b"data"))


async def test_a_restart_keeps_them(server_key: ServerKey, tmp_path: Path) -> None:
    """Keys, homes and ports are those of before."""
    async with TelegramServer(state=tmp_path, server_key=server_key) as before:
        before.people.create(PersonSpec(phone=BOB, first_name="Bob", dc=AWAY))
        async with at(before, AWAY) as client:
            await log_in(client, before, BOB)
            session = saved(client)
        ports = {dc: each.main for dc, each in before.ports.items() if dc != DC_ID}
    async with TelegramServer(state=tmp_path) as after:
        assert {dc: each.main for dc, each in after.ports.items() if dc != DC_ID} == ports
        async with at(after, AWAY, session) as client:
            assert (await client.get_me()).first_name == "Bob"
