"""Log-ins by QR code, by unmodified clients: https://core.telegram.org/api/qr-login"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from telethon import TelegramClient, errors, events
from telethon.tl import functions, types

from testing.telegram_server.control.errors import ControlError
from testing.telegram_server.control.specs import PersonPatch
from testing.telegram_server.faults import FaultSpec
from testing.telegram_server.server import TelegramServer
from tests.testing.telegram_server.accounts import ANN, BOB, WAIT_S, Inbox, logged_in, new_client

EXPORT = functions.auth.ExportLoginTokenRequest(1, "hash", [])
AWAY = 4


@pytest.fixture(autouse=True)
def fresh_configuration() -> None:
    """Telethon keeps the list of data centres on its class, for all servers of a process."""
    TelegramClient._config = None


@contextlib.asynccontextmanager
async def unknown(server: TelegramServer, session: str = "") -> AsyncIterator[Any]:
    """Give a connected client that nobody is logged in with."""
    client = new_client(server, session)
    await client.connect()
    try:
        yield client
    finally:
        await client.disconnect()


async def accept(client: Any, token: bytes) -> Any:
    return await client(functions.auth.AcceptLoginTokenRequest(token))


async def test_a_scan_logs_the_other_client_in(server: TelegramServer) -> None:
    """It is told at once, and learns by one more export who it is; the phone is shown the new log-in."""
    async with unknown(server) as desk, logged_in(server, ANN) as ann:
        inbox = Inbox(desk, events.Raw(types.UpdateLoginToken))
        token = await desk(EXPORT)
        assert (token.expires.timestamp() - server.operation.clock()) in range(28, 31)
        shown = await accept(ann, token.token)
        assert (shown.device_model, shown.current) == ("Test", False)
        await inbox.next()
        success = await desk(EXPORT)
        assert success.authorization.user.first_name == "Ann"
        assert (await desk.get_me()).phone == ANN.removeprefix("+")
        assert len(server.people.authorizations(ANN)) == 2
        assert isinstance(await desk(EXPORT), types.auth.LoginTokenSuccess)


async def test_telethons_own_log_in_goes_through(server: TelegramServer) -> None:
    """Also at another data centre, where it imports the token."""
    server.people.patch(ANN, PersonPatch(dc=AWAY))
    async with unknown(server) as desk:
        login = await desk.qr_login()
        waiting = asyncio.create_task(login.wait())
        await asyncio.sleep(0)  # its handler is there from its first step on
        server.people.scan(ANN, login.url)
        user = await asyncio.wait_for(waiting, WAIT_S)
        assert (user.first_name, desk.session.dc_id) == ("Ann", AWAY)
        assert (await desk.get_me()).first_name == "Ann"


async def test_a_scan_that_nobody_was_told_of_is_found_by_the_next_export(server: TelegramServer) -> None:
    """The update may be lost; the token is accepted all the same."""
    server.operation.inject(FaultSpec(kind="lose_push", phone=ANN))
    async with unknown(server) as desk:
        inbox = Inbox(desk, events.Raw(types.UpdateLoginToken))
        login = await desk.qr_login()
        server.people.scan(ANN, login.url)
        assert (await desk(EXPORT)).authorization.user.first_name == "Ann"
        assert inbox.empty


async def test_two_step_verification_asks_for_the_password_after_the_scan(server: TelegramServer) -> None:
    """401 SESSION_PASSWORD_NEEDED, then as after a code."""
    server.people.patch(ANN, PersonPatch(password="s3cret"))
    async with unknown(server) as desk:
        server.people.scan(ANN, (await desk.qr_login()).url)
        for _ in range(2):
            with pytest.raises(errors.SessionPasswordNeededError):
                await desk(EXPORT)
        assert (await desk.sign_in(password="s3cret")).first_name == "Ann"


async def test_a_token_is_accepted_once_and_while_it_is_good(server: TelegramServer) -> None:
    """Each refusal has its name; people whom the client has already are excluded."""
    async with unknown(server) as desk, logged_in(server, ANN) as ann, logged_in(server, BOB) as bob:
        used = (await desk(EXPORT)).token
        await accept(ann, used)
        with pytest.raises(errors.AuthTokenAlreadyAcceptedError):
            await accept(bob, used)
        with pytest.raises(errors.AuthTokenInvalidxError):
            await accept(ann, b"never made")
        async with unknown(server) as other:
            not_ann = (await other(functions.auth.ExportLoginTokenRequest(1, "hash", [(await ann.get_me()).id]))).token
            with pytest.raises(errors.AuthTokenExceptionError):
                await accept(ann, not_ann)
            late = (await other(EXPORT)).token
            server.clock.advance(31)
            with pytest.raises(errors.AuthTokenExpiredError):
                await accept(ann, late)


async def test_a_token_is_imported_where_its_person_lives(server: TelegramServer) -> None:
    """The data centre that showed it sends it on; elsewhere it logs one key in, and only after a scan."""
    server.people.patch(ANN, PersonPatch(dc=AWAY))
    async with unknown(server) as desk, unknown(server) as home:
        home.session.set_dc(AWAY, server.host, server.ports[AWAY].main)
        await home.disconnect()
        home.session.auth_key = None
        home._sender.auth_key.key = None
        await home.connect()
        first = (await desk(EXPORT)).token
        with pytest.raises(errors.AuthTokenInvalidError):
            await home(functions.auth.ImportLoginTokenRequest(first))
        server.people.scan(ANN, _link(first))
        moved = await desk(EXPORT)
        assert (moved.dc_id, moved.token) == (AWAY, first)
        imported = await home(functions.auth.ImportLoginTokenRequest(first))
        assert imported.authorization.user.first_name == "Ann"
        with pytest.raises(errors.AuthTokenAlreadyAcceptedError):
            await desk(functions.auth.ImportLoginTokenRequest(first))


async def test_only_links_of_log_ins_are_scanned(server: TelegramServer) -> None:
    """The control interface says what is wrong, in Telegram's words where Telegram refuses."""
    for link, code in [
        ("https://example.org", "no_login_link"),
        ("tg://login?token=!", "no_login_link"),
        (_link(b"x"), "AUTH_TOKEN_INVALIDX"),
    ]:
        with pytest.raises(ControlError) as refused:
            server.people.scan(ANN, link)
        assert refused.value.code == code


def _link(token: bytes) -> str:
    return "tg://login?token=" + base64.urlsafe_b64encode(token).rstrip(b"=").decode()
