"""Files up and down with unmodified Telethon."""

from __future__ import annotations

import base64
import io
import os
import struct
import zlib

import pytest
from telethon import errors, functions, types

from testing.telegram_server.control.specs import MediaSpec, MessageFilter, SendSpec
from testing.telegram_server.mtproto.raw import UNKNOWN
from testing.telegram_server.server import TelegramServer
from tests.testing.telegram_server.accounts import ANN, BOB, WAIT_S, Inbox, logged_in


def png(width: int, height: int) -> bytes:
    """Return a black picture."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = (b"\0" + bytes(width)) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [1, 300_000, 11 << 20], ids=["one byte", "some parts", "big file"])
async def test_a_document_arrives_whole(server: TelegramServer, size: int) -> None:
    """Uploaded in parts, small or big way, sent with a caption, and downloaded by the other side bit by bit."""
    content = os.urandom(size)
    async with logged_in(server, ANN) as ann, logged_in(server, BOB) as bob:
        inbox = Inbox(bob)
        file = io.BytesIO(content)
        file.name = "report.bin"
        sent = await ann.send_file("bob_ray", file, caption="see here", force_document=True)
        event = await inbox.next()
        assert (event.raw_text, event.file.name, event.file.size) == ("see here", "report.bin", size)
        assert await event.download_media(bytes) == content
        assert await sent.download_media(bytes) == content
        assert not server.operation.counters()["unknown_methods"]


async def test_a_photo_arrives_and_can_be_sent_on(server: TelegramServer) -> None:
    """A picture becomes a photo with its size; it can be sent again by reference, and only a picture can be one."""
    picture = png(64, 48)
    async with logged_in(server, ANN) as ann, logged_in(server, BOB) as bob:
        inbox = Inbox(bob)
        await ann.send_file("bob_ray", picture, force_document=False, file_size=len(picture))
        uploaded = await ann.upload_file(picture, file_name="a.png")
        peer = await ann.get_input_entity("bob_ray")
        await ann(functions.messages.SendMediaRequest(peer, types.InputMediaUploadedPhoto(uploaded), ""))
        await inbox.next()
        event = await inbox.next()
        assert (event.photo.sizes[0].w, event.photo.sizes[0].h) == (64, 48)
        assert await event.download_media(bytes) == picture
        await bob.send_file("me", event.photo)
        text = await ann.upload_file(b"no picture", file_name="a.png")
        with pytest.raises(errors.ImageProcessFailedError):
            await ann(functions.messages.SendMediaRequest(peer, types.InputMediaUploadedPhoto(text), ""))


async def test_the_other_phone_sends_a_file(server: TelegramServer) -> None:
    """A file sent through the control interface is downloaded by a client, and the other way round."""
    async with logged_in(server, BOB) as bob:
        inbox = Inbox(bob)
        spec = MediaSpec.model_validate({"content": "aGVsbG8=", "name": "hello.txt", "mime_type": "text/plain"})
        server.messages.send(ANN, SendSpec(to=BOB, media=spec))
        event = await inbox.next()
        assert (await event.download_media(bytes), event.file.mime_type) == (b"hello", "text/plain")
        await bob.send_file(await event.get_input_chat(), io.BytesIO(b"bye"), force_document=True)
        (received,) = await server.messages.wait(ANN, 1, WAIT_S, MessageFilter(direction="in"))
        assert server.messages.media(ANN, received["id"])[0] == b"bye"


async def test_media_may_be_bytes_that_no_client_can_read(server: TelegramServer) -> None:
    """As with a new layer: history and push hold a constructor that the client does not know."""
    async with logged_in(server, BOB) as bob:
        spec = MediaSpec.model_validate({"content": base64.b64encode(UNKNOWN), "kind": "raw"})
        server.messages.send(ANN, SendSpec(to=BOB, media=spec))
        with pytest.raises(errors.TypeNotFoundError) as told:
            await bob.get_messages(await bob.get_input_entity("ann_lee"))
        assert told.value.invalid_constructor_id.to_bytes(4, "little") == UNKNOWN
        assert [message["media"]["kind"] for message in server.messages.select(BOB, MessageFilter(chat=ANN))] == ["raw"]


async def test_file_requests_are_checked(server: TelegramServer) -> None:
    """Missing parts, wrong offsets, foreign hashes and false references have their documented errors."""
    async with logged_in(server, ANN) as ann:
        sent = await ann.send_file("me", b"x" * 5000, force_document=True)
        document = sent.document
        where = types.InputDocumentFileLocation(document.id, document.access_hash, document.file_reference, "")
        with pytest.raises(errors.OffsetInvalidError):
            await ann(functions.upload.GetFileRequest(where, 1, 4096))
        with pytest.raises(errors.LimitInvalidError):
            await ann(functions.upload.GetFileRequest(where, 0, 5))
        where.file_reference = b"other"
        with pytest.raises(errors.FileReferenceInvalidError):
            await ann(functions.upload.GetFileRequest(where, 0, 4096))
        where.access_hash += 1
        with pytest.raises(errors.FileIdInvalidError):
            await ann(functions.upload.GetFileRequest(where, 0, 4096))
        missing = types.InputMediaUploadedDocument(types.InputFile(5, 2, "a", ""), "text/plain", [])
        with pytest.raises(errors.FilePartsInvalidError):
            await ann(functions.messages.SendMediaRequest(types.InputPeerSelf(), missing, ""))
