"""The protocol by itself: transports, containers, what a careless client is told."""

from __future__ import annotations

import asyncio
import gzip
import os
import struct
from hashlib import sha1
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telethon import errors, functions
from telethon.crypto import rsa
from telethon.network import ConnectionTcpAbridged, ConnectionTcpFull, ConnectionTcpIntermediate
from telethon.tl import TLObject, types

from testing.telegram_server.mtproto import cipher, primes
from testing.telegram_server.mtproto.envelope import BadContainerError, unpack
from testing.telegram_server.mtproto.key_exchange import KeyExchange, KeyExchangeError
from testing.telegram_server.mtproto.reading import Unknown
from testing.telegram_server.mtproto.server_key import ServerKey
from testing.telegram_server.mtproto.transport import Framing, TransportError
from testing.telegram_server.server import TelegramServer
from tests.testing.telegram_server.accounts import ANN, WAIT_S, logged_in, new_client

PAYLOADS = st.lists(st.binary(min_size=1, max_size=200).map(lambda data: data * 4), min_size=1, max_size=5)
CODECS = [ConnectionTcpFull, ConnectionTcpAbridged, ConnectionTcpIntermediate]


@pytest.mark.parametrize("connection", CODECS)
@given(payloads=PAYLOADS, cut=st.integers(1, 50))
def test_every_transport_is_understood_however_it_is_cut(connection: Any, payloads: list[bytes], cut: int) -> None:
    """What Telethon's codec writes is read payload by payload, whatever pieces it arrives in."""
    codec = connection.packet_codec(None)
    stream = (codec.tag or b"") + b"".join(codec.encode_packet(payload) for payload in payloads)
    framing, read = Framing(), []
    for start in range(0, len(stream), cut):
        read += framing.feed(stream[start : start + cut])
    assert read == payloads


@pytest.mark.parametrize("connection", CODECS)
@given(payload=st.binary(min_size=1, max_size=200).map(lambda data: data * 4))
def test_every_transport_is_answered_in_kind(connection: Any, payload: bytes) -> None:
    """What the server frames is read by Telethon's codec."""
    codec = connection.packet_codec(None)
    framing = Framing()
    framing.feed((codec.tag or b"") + codec.encode_packet(b"1234"))

    async def read() -> bytes:
        reader = asyncio.StreamReader()
        reader.feed_data(framing.frame(payload))
        data: bytes = await codec.read_packet(reader)
        return data

    assert asyncio.run(read()) == payload


@pytest.mark.parametrize(
    "stream",
    [struct.pack("<i", 5) + bytes(20), struct.pack("<i", 1 << 30) + bytes(20), struct.pack("<ii", 16, 0) + b"abcd" + b"wrong"],
    ids=["too short", "too long", "wrong checksum"],
)
def test_nonsense_is_a_transport_error(stream: bytes) -> None:
    """Lengths and checksums are verified before anything is believed."""
    with pytest.raises(TransportError):
        Framing().feed(stream)


@pytest.mark.parametrize("connection", CODECS)
async def test_a_client_may_choose_its_transport(server: TelegramServer, connection: type) -> None:
    """Full, abridged and intermediate all log in."""
    async with logged_in(server, ANN, connection=connection) as client:
        assert (await client.get_me()).first_name == "Ann"


@given(st.lists(st.binary(max_size=60).map(lambda data: bytes(types.MsgsAck([len(data)]))), min_size=1, max_size=6), st.booleans())
def test_containers_are_taken_apart(bodies: list[bytes], zipped: bool) -> None:
    """Each message comes out with its own id, gzipped or not; a container in a container is refused."""
    parts = [
        struct.pack("<qii", number * 4, 1, len(body)) + body
        for number, body in enumerate(_gzipped(body) if zipped else body for body in bodies)
    ]
    container = struct.pack("<Ii", 0x73F1F8DC, len(parts)) + b"".join(parts)
    is_container, messages = unpack(1, 0, container)
    assert is_container
    assert [message.msg_id for message in messages] == [number * 4 for number in range(len(bodies))]
    assert [bytes(message.content) for message in messages] == bodies
    nested = struct.pack("<Ii", 0x73F1F8DC, 1) + struct.pack("<qii", 8, 1, len(container)) + container
    with pytest.raises(BadContainerError):
        unpack(1, 0, nested)


def test_an_unknown_constructor_spoils_nothing_else() -> None:
    """It comes out as unknown, and its neighbour whole."""
    strange, good = struct.pack("<I", 0x12345678), bytes(types.MsgsAck([1]))
    parts = b"".join(struct.pack("<qii", number, 1, len(body)) + body for number, body in ((4, strange), (8, good)))
    _, messages = unpack(1, 0, struct.pack("<Ii", 0x73F1F8DC, 2) + parts)
    assert messages[0].content == Unknown(0x12345678)
    assert messages[1].content.msg_ids == [1]


@given(st.binary(max_size=300).map(lambda data: data * 4), st.integers(-(2**63), 2**63 - 1))
def test_a_changed_byte_is_noticed(body: bytes, salt: int) -> None:
    """The message key covers everything that was encrypted."""
    key = os.urandom(256)
    sealed = bytearray(cipher.encrypt(key, cipher.key_id(key), cipher.Plain(salt, 1, 4, 1, body)))
    sealed[-1] ^= 1
    with pytest.raises(cipher.CipherError):
        cipher.decrypt(key, bytes(sealed))


def test_the_dh_group_is_telegrams() -> None:
    """The prime is the one that clients know, and public values lie where they must."""
    assert (primes.PRIME.bit_length(), primes.PRIME % 3) == (2048, 2)
    assert primes.in_safe_range(primes.new_secret()[1])
    assert not primes.in_safe_range(1)


async def test_wrong_factors_fail_and_the_exchange_can_begin_again(server: TelegramServer) -> None:
    """server_DH_params_fail names the client's nonce, and the same connection may start over."""
    exchange, key = KeyExchange(server.services.world.server_key), server.services.world.server_key
    rsa.add_key(server.public_key, old=False)
    for _ in range(2):
        offer = exchange.answer(functions.ReqPqMultiRequest(5))
        inner = bytes(types.PQInnerData(offer.pq, b"\1", offer.pq, 5, offer.server_nonce, 7))
        request = functions.ReqDHParamsRequest(5, offer.server_nonce, b"\1", offer.pq, key.fingerprint, rsa.encrypt(key.fingerprint, inner))
        failed = exchange.answer(request)
        expected = sha1((7).to_bytes(32, "little")).digest()[4:20]
        assert failed.new_nonce_hash == int.from_bytes(expected, "little", signed=True)
    with pytest.raises(KeyExchangeError):
        exchange.answer(functions.SetClientDHParamsRequest(5, offer.server_nonce, b""))


async def test_a_wrong_salt_is_corrected_once(server: TelegramServer) -> None:
    """A client that begins with salt 0 is told the right one by bad_server_salt and repeats; nothing is executed twice."""
    async with logged_in(server, ANN) as client:
        client._sender._state.salt = 99
        await client(functions.updates.GetStateRequest())
        assert client._sender._state.salt != 99


async def test_a_wrong_clock_is_corrected(server: TelegramServer) -> None:
    """Message ids from the past or future bring bad_msg_notification 16 or 17, from which Telethon sets its clock."""
    async with logged_in(server, ANN) as client:
        for offset in (-400, 4000):
            client._sender._state.time_offset = offset
            client._sender._state._last_msg_id = 0
            assert await client.get_me()
            assert abs(client._sender._state.time_offset) <= WAIT_S  # as exact as the machine was quick to tell


async def test_pings_and_states(server: TelegramServer) -> None:
    """ping, ping_delay_disconnect and get_future_salts are answered outside of rpc_result."""
    async with logged_in(server, ANN) as client:
        assert (await client._sender.send(functions.PingRequest(7))).ping_id == 7
        assert (await client._sender.send(functions.PingDelayDisconnectRequest(8, 75))).ping_id == 8
        assert (await client._sender.send(functions.GetFutureSaltsRequest(1))).salts[0].salt == client._sender._state.salt
        assert isinstance(await client._sender.send(functions.DestroySessionRequest(5)), types.DestroySessionNone)


async def test_ordered_calls_wait_for_each_other(server: TelegramServer) -> None:
    """invokeAfterMsg: what follows a failed call fails with MSG_WAIT_FAILED."""
    async with logged_in(server, ANN) as client:
        bad, good = functions.users.GetFullUserRequest(types.InputUser(1, 1)), functions.updates.GetStateRequest()
        with pytest.raises(errors.MultiError) as failed:
            await client([bad, good], ordered=True)
        assert [type(error).__name__ for error in failed.value.exceptions] == ["UserIdInvalidError", "MsgWaitFailedError"]
        assert all(await client([good, functions.updates.GetStateRequest()], ordered=True))


async def test_garbage_closes_the_connection(server: TelegramServer) -> None:
    """Bytes that are no MTProto end the connection and nothing else."""
    reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    assert await asyncio.wait_for(reader.read(), WAIT_S) == b""
    writer.close()
    assert server.operation.counters()["connections_broken"] == 1
    client = new_client(server)
    await client.connect()
    await client.disconnect()


def _gzipped(body: bytes) -> bytes:
    zipped = TLObject.serialize_bytes(gzip.compress(body))
    assert isinstance(zipped, bytes)
    return struct.pack("<I", 0x3072CFA1) + zipped


def test_a_new_keys_fingerprint_has_sixteen_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    """One client finds no key with a shorter one."""
    short, whole = (1 << 56), -(1 << 60)
    drawn = iter([short, whole])

    def init(self: ServerKey, _: object) -> None:
        self.fingerprint = next(drawn)

    monkeypatch.setattr(ServerKey, "__init__", init)
    assert ServerKey.generate().fingerprint == whole
