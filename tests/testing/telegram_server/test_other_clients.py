"""What clients other than Telethon send and expect, each by itself; `witness` has two such clients whole."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import os
import struct
import time
import zlib
from collections.abc import AsyncIterator
from hashlib import sha1, sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telethon import errors, functions, utils
from telethon.crypto import AES, rsa
from telethon.network import ConnectionTcpFull, MTProtoSender
from telethon.tl import TLObject, TLRequest, alltlobjects, types

from testing.telegram_server.control.specs import SendSpec
from testing.telegram_server.model.data_centres import DC_ID
from testing.telegram_server.model.layers import SPOKEN, channel_type, user_type
from testing.telegram_server.mtproto import primes
from testing.telegram_server.mtproto.envelope import unpack
from testing.telegram_server.mtproto.inner_data import InnerDataError, open_inner_data
from testing.telegram_server.mtproto.key_exchange import KeyExchange, KeyExchangeError
from testing.telegram_server.mtproto.reading import Unknown, UnreadableError, read_object, read_query
from testing.telegram_server.mtproto.server_key import ServerKey
from testing.telegram_server.mtproto.transport import Framing
from testing.telegram_server.server import TelegramServer
from tests.testing.telegram_server.accounts import ANN, BOB, Inbox, logged_in, new_client, saved

FOR_EVER = 2**31 - 1


async def test_a_note_to_oneself_is_answered_whole(server: TelegramServer) -> None:
    """Saved Messages get `updates` with the message, since clients cannot make a chat of inputPeerSelf; others get the short form."""
    async with logged_in(server, ANN) as ann:
        send = functions.messages.SendMessageRequest
        answer = await ann(send(types.InputPeerSelf(), "note"))
        assert [type(update) for update in answer.updates] == [types.UpdateMessageID, types.UpdateNewMessage]
        assert (answer.updates[1].message.message, answer.updates[0].random_id != 0) == ("note", True)
        bob = await ann.get_input_entity("bob_ray")
        assert isinstance(await ann(send(bob, "hi")), types.UpdateShortSentMessage)


@pytest.mark.parametrize("kind", [types.PQInnerData, types.PQInnerDataDc, types.PQInnerDataTemp, types.PQInnerDataTempDc])
@pytest.mark.parametrize("padding", ["RSA_PAD", "old"])
def test_a_key_is_made_in_either_padding(server_key: ServerKey, padding: str, kind: Any) -> None:
    """Each variant of p_q_inner_data leads to the key that the client computes; a temporary one has its time."""
    exchange = KeyExchange(server_key)
    offer = exchange.answer(functions.ReqPqMultiRequest(5))
    p, q = (factor.to_bytes(4, "big") for factor in exchange._factors)
    more = {**({"dc": DC_ID} if "Dc" in kind.__name__ else {}), **({"expires_in": 60} if "Temp" in kind.__name__ else {})}
    inner = bytes(kind(offer.pq, p, q, 5, offer.server_nonce, 7, **more))
    answer = exchange.answer(_dh_request(server_key, offer, p, q, _encrypted(server_key, inner, padding)))
    assert exchange.answer(_client_dh(offer, answer)[0]).nonce == 5
    assert exchange.made is not None
    assert (exchange.made.key, exchange.made.expires_in_s) == (_client_dh(offer, answer)[1], more.get("expires_in"))


@given(st.binary(max_size=144), st.booleans())
def test_what_is_no_inner_data_is_refused(server_key: ServerKey, data: bytes, padded: bool) -> None:
    """Whatever is under the encryption, an unknown constructor too, it ends as an error of the exchange."""
    for inner in (data, struct.pack("<I", 0x12345678) + data[:140], bytes(types.MsgsAck([1]))):
        with pytest.raises((InnerDataError, UnreadableError)):
            open_inner_data(_padded(inner) if padded else b"\0" + sha1(inner).digest() + inner + bytes(235 - len(inner)))
        exchange = KeyExchange(server_key)
        offer = exchange.answer(functions.ReqPqMultiRequest(5))
        sealed = _encrypted(server_key, inner, "RSA_PAD" if padded else "old")
        with pytest.raises(KeyExchangeError):
            exchange.answer(_dh_request(server_key, offer, b"\1", b"\2", sealed))


@pytest.mark.parametrize("strange", [b"\x78\x56\x34\x12", struct.pack("<Ii", 0x1CB5C415, 1 << 30)], ids=["unknown", "a vector"])
async def test_an_unknown_inner_data_is_a_counted_broken_connection(server: TelegramServer, strange: bytes) -> None:
    """The connection closes and is counted, as everything that cannot be read."""
    client = new_client(server)
    await client.connect()
    await client._sender._connection.send(_in_the_clear(functions.ReqPqMultiRequest(5)))
    (connection,) = server.services.hub.connections.values()
    while connection.exchange._nonce != 5:  # noqa: ASYNC110
        await asyncio.sleep(0)
    theirs, key = connection.exchange._server_nonce, server.services.world.server_key
    request = functions.ReqDHParamsRequest(5, theirs, b"\1", b"\2", key.fingerprint, _encrypted(key, strange, "old"))
    await client._sender._connection.send(_in_the_clear(request))
    while connection.open:  # noqa: ASYNC110
        await asyncio.sleep(0)
    await client.disconnect()
    counters = server.operation.counters()
    assert (counters["connections_broken"], counters["handler_crashes"]) == (1, 0)


def test_the_layers_that_are_spoken_end_with_telethons() -> None:
    """Whoever takes a Telethon with another layer looks at what has changed."""
    assert max(SPOKEN) == alltlobjects.LAYER
    assert [user_type(227).CONSTRUCTOR_ID, channel_type(227).CONSTRUCTOR_ID] == [0x31774388, 0x1C32B11C]
    assert [user_type(228), channel_type(229)] == [types.User, types.Channel]


async def test_answers_and_pushes_are_in_the_clients_layer(server: TelegramServer) -> None:
    """A client of layer 227 gets its own `user` in an answer and in a push, another of the same person those of 229."""
    async with logged_in(server, BOB) as bob, logged_in(server, ANN) as ann:
        key = server.services.world.keys.of(server.people.get(BOB)["id"])[0]
        with pytest.raises(errors.TypeNotFoundError) as unread:
            await bob(functions.InvokeWithLayerRequest(227, functions.users.GetUsersRequest([types.InputUserSelf()])))
        assert (unread.value.invalid_constructor_id, key.layer) == (0x31774388, 227)
        assert await ann.get_me()
        sent = server.services.people.user(key, server.people.find(ANN))
        assert bytes(sent)[:4] == struct.pack("<I", 0x31774388)
        assert await bob(functions.InvokeWithLayerRequest(229, functions.users.GetUsersRequest([types.InputUserSelf()])))


@pytest.mark.parametrize("layer", [198, 226, 230])
async def test_another_layer_is_refused(server: TelegramServer, layer: int) -> None:
    """CONNECTION_LAYER_INVALID, also where the method in it is unknown; nothing is executed."""
    async with logged_in(server, ANN) as ann:
        for query in (functions.updates.GetStateRequest(), _Strange()):
            with pytest.raises(errors.ConnectionLayerInvalidError):
                await ann(functions.InvokeWithLayerRequest(layer, query))
    assert server.operation.counters()["unknown_methods"] == {}


def test_an_unknown_constructor_says_where_it_stood() -> None:
    """In place of the method, inside its wrappers, or inside the method, which is then named."""
    strange = struct.pack("<I", 0x12345678)
    wrapped = read_query(bytes(functions.InvokeWithLayerRequest(227, _Strange())))
    assert (wrapped.layer, wrapped.query) == (227, Unknown(0x12345678))
    read = bytes(functions.messages.ReadHistoryRequest(types.InputPeerSelf(), 0))
    assert read_query(read[:4] + strange + read[8:]) == Unknown(0x12345678, functions.messages.ReadHistoryRequest)


async def test_an_unknown_argument_is_no_unknown_method(server: TelegramServer) -> None:
    """The error and the counters tell it from a method that is not there."""
    async with logged_in(server, ANN) as ann:
        with pytest.raises(errors.BadRequestError, match="INPUT_CONSTRUCTOR_INVALID_12345678"):
            await ann._sender.send(functions.messages.GetPeerDialogsRequest([_Strange()]))
    counters = server.operation.counters()
    assert (counters["unknown_methods"], counters["unknown_constructors"]) == ({}, {"12345678 in messages.getPeerDialogs": 1})


@given(st.binary(max_size=500))
def test_packed_queries_are_gzip_or_zlib(text: bytes) -> None:
    """Both are taken, at the top and inside a wrapper; what is cut off is refused."""
    query = bytes(functions.auth.ImportAuthorizationRequest(1, text))
    layer = struct.pack("<Ii", functions.InvokeWithLayerRequest.CONSTRUCTOR_ID, 227)
    for packed in (gzip.compress(query), zlib.compress(query)):
        assert unpack(1, 1, _gzip_packed(packed))[1][0].content.bytes == text
        assert read_query(layer + _gzip_packed(packed)).query.bytes == text
        with pytest.raises(UnreadableError):
            unpack(1, 1, _gzip_packed(packed[:-1]))


@pytest.mark.parametrize("packed", [b"neither", zlib.compress(bytes(17 << 20))], ids=["neither format", "17 MiB unpacked"])
def test_what_cannot_be_unpacked_is_unreadable(packed: bytes) -> None:
    """It ends as one error, before it fills the memory."""
    with pytest.raises(UnreadableError):
        unpack(1, 1, _gzip_packed(packed))


@given(st.integers(0, 15), st.integers(1, 40), st.integers(0, 60), st.integers(1, 30))
def test_padded_frames_lose_their_padding(padding: int, blocks: int, plain: int, cut: int) -> None:
    """Up to 15 random bytes follow a payload, encrypted or plain, whatever pieces the stream arrives in."""
    sealed = b"k" * 24 + os.urandom(16 * blocks)
    clear = bytes(16) + struct.pack("<i", 4 * plain) + os.urandom(4 * plain)
    stream = b"\xdd" * 4 + b"".join(struct.pack("<I", len(each) + padding) + each + os.urandom(padding) for each in (sealed, clear))
    framing, read = Framing(), []
    for start in range(0, len(stream), cut):
        read += framing.feed(stream[start : start + cut])
    assert read == [sealed, clear]


async def test_files_go_over_connections_of_their_own(server: TelegramServer) -> None:
    """help.getConfig names a media_only address: connections to it share the key, get no updates, and cost the main one nothing."""
    async with logged_in(server, ANN) as ann:
        (option,) = [each for each in (await ann(functions.help.GetConfigRequest())).dc_options if each.media_only and each.id == DC_ID]
        assert (option.id, option.port) == (DC_ID, server.media_port)
        async with _files_of(server, ann) as files:
            for part in range(3):
                assert await files.send(functions.upload.SaveFilePartRequest(7, part, b"data"))
                assert await ann(functions.updates.GetStateRequest())
            inbox = Inbox(ann)
            server.messages.send(BOB, SendSpec(to=ANN, text="hi"))
            await inbox.next()
            assert [each["wants_updates"] for each in server.operation.connections()] == [True, False]
    assert server.operation.counters()["auth_key_duplicated"] == 0


async def test_a_connection_for_files_that_asks_for_more_is_a_second_user(server: TelegramServer) -> None:
    """The strict rule holds for whoever asks for anything but files, wherever they connect."""
    async with logged_in(server, ANN) as ann, _files_of(server, ann) as files:
        assert await files.send(functions.updates.GetStateRequest())
        with pytest.raises(errors.AuthKeyDuplicatedError):
            await ann(functions.updates.GetStateRequest())


async def test_a_key_can_be_destroyed(server: TelegramServer) -> None:
    """destroy_auth_key_ok, then the key is unknown (-404) and its log-in gone."""
    async with logged_in(server, ANN, auto_reconnect=False) as ann:
        sender, session = ann._sender, saved(ann)
        assert isinstance(await sender.send(functions.DestroyAuthKeyRequest()), types.DestroyAuthKeyOk)
        assert server.people.authorizations(ANN) == []
    late = new_client(server, session)
    with pytest.raises(errors.AuthKeyNotFound):
        await late.connect()
    await late.disconnect()


async def test_dialogs_can_begin_at_a_peer_without_its_hash(server: TelegramServer) -> None:
    """offset_peer is a place in a list: its access hash is not looked at."""
    async with logged_in(server, ANN) as ann:
        for person in ("me", "bob_ray"):
            await ann.send_message(person, "hi")
        every = (await ann(_dialogs(None, 0, types.InputPeerEmpty()))).dialogs
        first = (await ann.get_messages(every[0].peer, 1))[0]
        rest = await ann(_dialogs(first.date, first.id, types.InputPeerUser(every[0].peer.user_id, 0)))
        assert [utils.get_peer_id(each.peer) for each in rest.dialogs] == [utils.get_peer_id(each.peer) for each in every[1:]]


async def test_making_a_group_tells_the_number_of_its_first_message(server: TelegramServer) -> None:
    """createChat and createChannel answer with updateMessageID and the message that says that it was made; nothing of it is missed."""
    async with logged_in(server, ANN) as ann:
        basic = (await ann(functions.messages.CreateChatRequest(["bob_ray"], "Trip"))).updates
        assert [type(update) for update in basic.updates] == [types.UpdateMessageID, types.UpdateNewMessage]
        channel = await ann(functions.channels.CreateChannelRequest("News", "", broadcast=True))
        names = [types.UpdateMessageID, types.UpdateChannel, types.UpdateNewChannelMessage]
        assert [type(update) for update in channel.updates] == names
        for answer in (basic, channel):
            assert answer.updates[0].id == answer.updates[-1].message.id
            assert isinstance(answer.updates[-1].message, types.MessageService)


async def test_rights_have_no_end(server: TelegramServer) -> None:
    """until_date of what all members may do is the last second there is."""
    async with logged_in(server, ANN) as ann:
        chat = (await ann(functions.messages.CreateChatRequest(["bob_ray"], "Trip"))).updates.chats[0]
        assert int(chat.default_banned_rights.until_date.timestamp()) == FOR_EVER


ME = types.InputPeerSelf()
STARTING: dict[str, tuple[Any, type]] = {
    "filters": (functions.messages.GetDialogFiltersRequest(), types.messages.DialogFilters),
    "notify settings": (functions.account.GetNotifySettingsRequest(types.InputNotifyUsers()), types.PeerNotifySettings),
    "peer settings": (functions.messages.GetPeerSettingsRequest(ME), types.messages.PeerSettings),
    "promo": (functions.help.GetPromoDataRequest(), types.help.PromoDataEmpty),
    "terms": (functions.help.GetTermsOfServiceUpdateRequest(), types.help.TermsOfServiceUpdateEmpty),
    "top peers": (functions.contacts.GetTopPeersRequest(0, 10, 0, correspondents=True), types.contacts.TopPeers),
    "reactions": (functions.messages.GetAvailableReactionsRequest(0), types.messages.AvailableReactions),
    "stories": (functions.stories.GetPeerStoriesRequest(ME), types.stories.PeerStories),
    "colors": (functions.help.GetPeerColorsRequest(0), types.help.PeerColors),
    "profile colors": (functions.help.GetPeerProfileColorsRequest(0), types.help.PeerColors),
    "content": (functions.account.GetContentSettingsRequest(), types.account.ContentSettings),
    "bots": (functions.messages.GetAttachMenuBotsRequest(0), types.AttachMenuBots),
}


async def test_what_official_clients_ask_at_their_start(server: TelegramServer) -> None:
    """Each gets the empty answer of its kind; a sticker set that is not there is said so; saved history is the notes to oneself."""
    async with logged_in(server, ANN) as ann:
        for request, kind in STARTING.values():
            assert isinstance(await ann(request), kind)
        with pytest.raises(errors.StickersetInvalidError):
            await ann(functions.messages.GetStickerSetRequest(types.InputStickerSetAnimatedEmoji(), 0))
        await ann.send_message("me", "note")
        saved_history = functions.messages.GetSavedHistoryRequest(ME, 0, None, 0, 10, 0, 0, 0)
        assert [message.message for message in (await ann(saved_history)).messages] == ["note"]
    assert server.operation.counters()["unknown_methods"] == {}


@contextlib.asynccontextmanager
async def _files_of(server: TelegramServer, client: Any) -> AsyncIterator[Any]:
    """Give what sends under another client's key to the address for files."""
    sender = MTProtoSender(client.session.auth_key, loggers=client._log, auto_reconnect=False)
    options = {"loggers": client._log, "proxy": None, "local_addr": None}
    await sender.connect(ConnectionTcpFull(server.host, server.media_port, DC_ID, **options))
    try:
        client._init_request.query = functions.help.GetConfigRequest()
        await sender.send(functions.InvokeWithLayerRequest(alltlobjects.LAYER, client._init_request))
        yield sender
    finally:
        await sender.disconnect()


class _Strange(TLRequest):  # type: ignore[misc]  # Telethon has no types
    """A constructor of no schema."""

    CONSTRUCTOR_ID = 0x12345678

    def _bytes(self) -> bytes:
        return struct.pack("<I", self.CONSTRUCTOR_ID)


def _padded(inner: bytes) -> bytes:
    """RSA_PAD as /mtproto/auth_key has it, up to RSA itself."""
    data, temp_key = inner + os.urandom(192 - len(inner)), os.urandom(32)
    sealed = AES.encrypt_ige(data[::-1] + sha256(temp_key + data).digest(), temp_key, bytes(32))
    return bytes(a ^ b for a, b in zip(temp_key, sha256(sealed).digest(), strict=True)) + bytes(sealed)


def _encrypted(key: ServerKey, inner: bytes, padding: str) -> bytes:
    rsa.add_key(key.public_pem, old=False)
    if padding == "old":
        return bytes(rsa.encrypt(key.fingerprint, inner))
    public = key._key.public_key().public_numbers()
    while (number := int.from_bytes(_padded(inner), "big")) >= public.n:
        continue
    return pow(number, public.e, public.n).to_bytes(256, "big")


def _dh_request(key: ServerKey, offer: Any, p: bytes, q: bytes, encrypted: bytes) -> Any:
    return functions.ReqDHParamsRequest(5, offer.server_nonce, p, q, key.fingerprint, encrypted)


def _client_dh(offer: Any, answer: Any) -> tuple[Any, bytes]:
    """Return the client's last step, with a secret of its own, and the key that it computes."""
    new, theirs = ((7).to_bytes(32, "little"), offer.server_nonce.to_bytes(16, "little", signed=True))
    key = sha1(new + theirs).digest() + sha1(theirs + new).digest()[:12]
    iv = sha1(theirs + new).digest()[12:] + sha1(new + new).digest() + new[:4]
    opened = AES.decrypt_ige(answer.encrypted_answer, key, iv)
    g_a = int.from_bytes(read_object(bytes(opened[20:]))[0].g_a, "big")
    secret = (1 << 2000) + 7
    inner = bytes(types.ClientDHInnerData(5, offer.server_nonce, 0, pow(primes.G, secret, primes.PRIME).to_bytes(256, "big")))
    plain = sha1(inner).digest() + inner
    sealed = AES.encrypt_ige(plain + bytes(-len(plain) % 16), key, iv)
    request = functions.SetClientDHParamsRequest(5, offer.server_nonce, bytes(sealed))
    return request, pow(g_a, secret, primes.PRIME).to_bytes(256, "big")


def _in_the_clear(request: Any) -> bytes:
    return bytes(8) + struct.pack("<qi", int(time.time()) << 32, len(bytes(request))) + bytes(request)


def _gzip_packed(packed: bytes) -> bytes:
    return struct.pack("<I", 0x3072CFA1) + bytes(TLObject.serialize_bytes(packed))


def _dialogs(date: Any, message_id: int, peer: Any) -> Any:
    return functions.messages.GetDialogsRequest(date, message_id, peer, 100, 0)
