"""What a client is told that does not keep to MTProto's rules: here one speaks by hand, since Telethon keeps them."""

from __future__ import annotations

import asyncio
import collections
import logging
import struct
from typing import Any

from telethon import functions
from telethon.network.connection.tcpfull import FullPacketCodec
from telethon.network.mtprotostate import MTProtoState
from telethon.tl import types

from testing.telegram_server.server import TelegramServer
from tests.testing.telegram_server.accounts import ANN, WAIT_S, logged_in

CONTAINER = 0x73F1F8DC
PING, STATE = bytes(functions.PingRequest(1)), bytes(functions.updates.GetStateRequest())


class RawConnection:
    """A connection on which messages are made by hand, with the key of a client that has left."""

    def __init__(self, client: Any) -> None:
        self._state = MTProtoState(client.session.auth_key, collections.defaultdict(lambda: logging.getLogger("spoken")))
        self._state.salt = client._sender._state.salt
        self._codec = FullPacketCodec(None)

    async def open(self, server: TelegramServer) -> None:
        self._reader, self._writer = await asyncio.open_connection(server.host, server.port)

    def new_id(self) -> int:
        number: int = self._state._get_new_msg_id()
        return number

    async def say(self, msg_id: int, seq_no: int, body: bytes) -> Any:
        """Send one message and return what is answered, leaving out that the session is new."""
        data = struct.pack("<qii", msg_id, seq_no, len(body)) + body
        self._writer.write(self._codec.encode_packet(self._state.encrypt_message_data(data)))
        while True:
            payload = await asyncio.wait_for(self._codec.read_packet(self._reader), WAIT_S)
            answer = self._state.decrypt_message_data(payload).obj
            if not isinstance(answer, types.NewSessionCreated):
                return answer

    def close(self) -> None:
        self._writer.close()


async def test_broken_rules_have_their_numbers(server: TelegramServer) -> None:
    """34: a container with an odd seq_no; 35: a query with an even one; 64: a container in a container."""
    async with logged_in(server, ANN) as client:
        await client.disconnect()
        spoken = RawConnection(client)
        await spoken.open(server)
        container = _container(spoken.new_id(), PING)
        for seq_no, body, code in ((3, container, 34), (2, STATE, 35), (0, _container(spoken.new_id(), container), 64)):
            msg_id = spoken.new_id()
            answer = await spoken.say(msg_id, seq_no, body)
            assert isinstance(answer, types.BadMsgNotification)
            assert (answer.bad_msg_id, answer.error_code) == (msg_id, code)
        assert (await spoken.say(spoken.new_id(), 1, PING)).ping_id == 1
        spoken.close()


async def test_a_message_id_that_is_none(server: TelegramServer) -> None:
    """18: an id that is not divisible by four."""
    async with logged_in(server, ANN) as client:
        await client.disconnect()
        spoken = RawConnection(client)
        await spoken.open(server)
        answer = await spoken.say(spoken.new_id() + 1, 1, STATE)
        assert isinstance(answer, types.BadMsgNotification)
        assert answer.error_code == 18
        spoken.close()


async def test_a_message_that_comes_twice_is_executed_once(server: TelegramServer) -> None:
    """The second time it is only acknowledged."""
    async with logged_in(server, ANN) as client:
        await client.disconnect()
        spoken = RawConnection(client)
        await spoken.open(server)
        before = server.operation.counters()["calls"]["updates.getState"]
        msg_id = spoken.new_id()
        await spoken.say(msg_id, 1, STATE)
        again = await spoken.say(msg_id, 1, STATE)
        assert isinstance(again, types.MsgsAck)
        assert again.msg_ids == [msg_id]
        assert server.operation.counters()["calls"]["updates.getState"] == before + 1
        spoken.close()


def _container(msg_id: int, body: bytes) -> bytes:
    return struct.pack("<Ii", CONTAINER, 1) + struct.pack("<qii", msg_id, 1, len(body)) + body
