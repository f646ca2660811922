"""Authorisation keys: one user at a time, revocation, log-out, keys that nobody knows."""

from __future__ import annotations

import pytest
from telethon import errors, functions
from telethon.sessions import StringSession

from testing.telegram_server.mtproto.server_key import ServerKey
from testing.telegram_server.server import TelegramServer
from tests.testing.telegram_server.accounts import ANN, BOB, Inbox, logged_in, new_client, saved


async def test_a_key_used_twice_at_once_is_dead(server: TelegramServer) -> None:
    """Both get 406 AUTH_KEY_DUPLICATED as soon as the older one speaks again; the key never works again."""
    async with logged_in(server, ANN) as older:
        async with logged_in(server, ANN, saved(older)) as younger:
            assert await younger.get_me()
            with pytest.raises(errors.AuthKeyDuplicatedError):
                await older(functions.updates.GetStateRequest())
            with pytest.raises(errors.AuthKeyDuplicatedError):
                await younger(functions.updates.GetStateRequest())
        assert server.operation.counters()["auth_key_duplicated"] == 1
        assert server.people.authorizations(ANN) == []
        late = new_client(server, saved(older))
        with pytest.raises(errors.AuthKeyUnregisteredError):
            await late.connect()
        await late.disconnect()


async def test_the_dead_key_can_be_answered_otherwise(server: TelegramServer) -> None:
    """`Settings.duplicated_key` makes later connections get the 406 too."""
    server.operation.settings({"duplicated_key": "AUTH_KEY_DUPLICATED"})
    async with logged_in(server, ANN) as older, logged_in(server, ANN, saved(older)):
        with pytest.raises(errors.AuthKeyDuplicatedError):
            await older(functions.updates.GetStateRequest())
        late = new_client(server, saved(older))
        with pytest.raises(errors.AuthKeyDuplicatedError):
            await late.connect()
        await late.disconnect()


async def test_one_connection_after_the_other_is_fine(server: TelegramServer) -> None:
    """Disconnecting and connecting again, also from another client, harms nothing."""
    async with logged_in(server, ANN) as client:
        session, made = saved(client), server.operation.counters()["keys_created"]
        for _ in range(3):
            await client.disconnect()
            await client.connect()
            assert await client.get_me()
    async with logged_in(server, ANN, session) as another:
        assert (await another.get_me()).first_name == "Ann"
    counters = server.operation.counters()
    assert (counters["auth_key_duplicated"], counters["keys_created"], counters["connections_accepted"]) == (0, made, 5)


async def test_an_idle_older_connection_is_no_second_user(server: TelegramServer) -> None:
    """The older connection is still open but silent: that is how a half-dead link looks, and no reason to kill the key."""
    async with logged_in(server, ANN) as older, logged_in(server, ANN, saved(older)) as younger:
        for _ in range(3):
            assert await younger.get_me()
        assert server.operation.counters()["auth_key_duplicated"] == 0


async def test_authorisations_are_listed_and_ended(server: TelegramServer) -> None:
    """A client sees the other with its device and ends it; the other learns of it at once on its open connection."""
    async with logged_in(server, ANN) as first, logged_in(server, ANN, device_model="Other") as second:
        listed = (await first(functions.account.GetAuthorizationsRequest())).authorizations
        assert [(each.current, each.device_model) for each in listed] == [(True, "Test"), (False, "Other")]
        assert await first(functions.account.ResetAuthorizationRequest(listed[1].hash))
        with pytest.raises(errors.AuthKeyUnregisteredError):
            await second.run_until_disconnected()
        assert len(server.people.authorizations(ANN)) == 1
        with pytest.raises(errors.HashInvalidError):
            await first(functions.account.ResetAuthorizationRequest(listed[1].hash))


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ("SESSION_REVOKED", errors.SessionRevokedError),
        ("USER_DEACTIVATED_BAN", errors.UserDeactivatedBanError),
    ],
)
async def test_the_person_can_end_a_log_in(server: TelegramServer, reason: str, error: type[Exception]) -> None:
    """Revoking through the control interface takes effect on the open connection, for the reason given."""
    async with logged_in(server, ANN) as client:
        assert server.people.revoke(ANN, None, reason) == 1
        with pytest.raises(error):
            await client.run_until_disconnected()


async def test_logging_out(server: TelegramServer) -> None:
    """auth.logOut ends the authorisation; the key stays known and can log in again."""
    async with logged_in(server, ANN) as client:
        session, made = saved(client), server.operation.counters()["keys_created"]
        assert await client.log_out()
    assert server.people.authorizations(ANN) == []
    again = new_client(server, session)
    await again.connect()
    assert await again.get_me() is None
    await again.send_code_request(BOB)
    assert (await again.sign_in(BOB, (await server.people.code(BOB))["code"])).first_name == "Bob"
    assert server.operation.counters()["keys_created"] == made
    await again.disconnect()


async def test_all_other_sessions_can_be_ended(server: TelegramServer) -> None:
    """auth.resetAuthorizations leaves only the caller."""
    async with logged_in(server, ANN) as first, logged_in(server, ANN) as second:
        assert await first(functions.auth.ResetAuthorizationsRequest())
        with pytest.raises(errors.SessionRevokedError):
            await second.run_until_disconnected()
        assert await first.get_me()


async def test_an_unknown_key_gets_the_transport_error_404(server: TelegramServer, server_key: ServerKey) -> None:
    """A session of another server is answered by -404, which Telethon reports as AuthKeyNotFound."""
    async with TelegramServer(server_key=server_key) as other:
        stranger = new_client(other)
        await stranger.connect()
        session = saved(stranger)
        await stranger.disconnect()
    lost = new_client(server, session)
    assert isinstance(lost.session, StringSession)
    with pytest.raises(errors.AuthKeyNotFound):
        await lost.connect()
    await lost.disconnect()
    assert server.operation.counters()["unknown_keys"] == 1


async def test_two_log_ins_of_one_person_live_side_by_side(server: TelegramServer) -> None:
    """Each has its own key, so neither disturbs the other."""
    async with logged_in(server, ANN) as first, logged_in(server, ANN) as second:
        inbox = Inbox(second)
        await first.send_message("me", "note")
        assert (await inbox.next()).raw_text == "note"
        assert await first.get_me()
        assert await second.get_me()
    assert server.operation.counters()["auth_key_duplicated"] == 0
