"""What a server does to connections on demand: new sessions, other salts, transport errors, another time."""

from __future__ import annotations

import pytest
from telethon import errors, functions

from testing.telegram_server.control.specs import ConnectionSpec, SendSpec, TransportErrorSpec
from testing.telegram_server.server import TelegramServer
from tests.testing.telegram_server.accounts import ANN, BOB, Inbox, logged_in, new_client


async def test_a_new_session_is_announced_on_demand(server: TelegramServer) -> None:
    """The client takes it and goes on; what is pushed afterwards arrives."""
    async with logged_in(server, BOB) as bob:
        inbox = Inbox(bob)
        assert server.operation.new_session(ConnectionSpec(person=BOB)) == 1
        server.messages.send(ANN, SendSpec(to=BOB, text="hi"))
        assert (await inbox.next()).raw_text == "hi"
        assert await bob.get_me()


async def test_a_salt_that_changes_is_corrected(server: TelegramServer) -> None:
    """The next message is answered by bad_server_salt and comes again with the new salt: it is executed once."""
    async with logged_in(server, ANN) as ann:
        peer = await ann.get_input_entity("bob_ray")
        (key,) = server.services.world.keys.of(server.people.get(ANN)["id"])
        before = key.salt
        assert server.operation.change_salt(ConnectionSpec(person=ANN)) == 1
        await ann(functions.messages.SendMessageRequest(peer, "once"))
        assert ann._sender._state.salt == key.salt != before
    assert [message["text"] for message in server.messages.select(BOB)] == ["once"]


async def test_transport_errors_on_demand(server: TelegramServer) -> None:
    """-429 cuts a connection off that then comes back; -404 says that the key is unknown, though it is not."""
    async with logged_in(server, BOB) as bob:
        assert server.operation.transport_error(TransportErrorSpec(code=-429, person=BOB)) == 1
        assert (await bob.get_me()).first_name == "Bob"
    async with logged_in(server, ANN, auto_reconnect=False) as ann:
        disconnected = ann.disconnected
        assert server.operation.transport_error(TransportErrorSpec(code=-404, person=ANN)) == 1
        with pytest.raises(errors.AuthKeyNotFound):
            await disconnected


async def test_the_clock_goes_forward(server: TelegramServer) -> None:
    """A code expires when the server's clock says so."""
    client = new_client(server)
    await client.connect()
    sent = await client.send_code_request(ANN)
    code = (await server.people.code(ANN))["code"]
    now = server.operation.clock()
    assert server.operation.clock(301) >= now + 301
    with pytest.raises(errors.PhoneCodeExpiredError):
        await client.sign_in(ANN, code, phone_code_hash=sent.phone_code_hash)
    await client.disconnect()
