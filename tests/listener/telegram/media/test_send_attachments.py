"""Sending files (contract M4): as Telegram groups them, each once, and nothing half-sent (field cases S9, S10)."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from telethon.tl import functions, types

from listener.core.account import OwnedAccount
from listener.telegram.media import upload
from listener.telegram.operations.edit_media import edit
from listener.telegram.operations.send_attachments import send_attachments
from listener.telegram.proxy_commands import remove_proxy, set_proxy
from listener.telegram.updates.media_id import MediaPlace, media_id
from shared.errors import AvioError, Code
from shared.media_bucket import upload_key
from shared.model.proxy import ProxyType
from shared.rpc.delivery_options import QuotedText
from shared.rpc.get_media import MediaContent
from shared.rpc.message_changes import EditMessage
from shared.rpc.proxy import RemoveProxy, SetProxy
from shared.rpc.send import SeveralSent
from shared.rpc.send_attachments import Attachment, SendAttachments
from shared.rpc.text import EntityType, MarkupEntity
from testing.telegram_server.control.specs import MediaSpec, MessageFilter, PersonPatch, SendSpec
from testing.telegram_server.faults import FaultSpec
from testing.telegram_server.server import TelegramServer
from tests.listener.telegram.media.received import content, fetch, picture
from tests.listener.telegram.media.web_server import WebServer, web_server
from tests.support.account_scenario import ALICE, ANNA, TENANT, id_of, message
from tests.support.listener_harness import ListenerHarness, is_up, telegram, until
from tests.support.proxy_server import proxy_server

PDF = b"%PDF-1.7\n" + content(1000)
VIDEO = b"\x00\x00\x00\x18ftypisom" + content(1000)
MP3 = b"ID3\x04" + content(1000)


def inline(data: bytes, **more: Any) -> Attachment:
    """Return an attachment that is in the request."""
    return Attachment.model_construct(content=data, **more)


async def send(anna: OwnedAccount, *attachments: Attachment, first_id: int = 100, **more: Any) -> SeveralSent:
    """Run the command, as a function asks for it."""
    command = SendAttachments(**{"to": "@alice", "attachments": attachments, "random_ids": (), **more})
    ids = tuple(range(first_id, first_id + command.messages))
    return await send_attachments(telegram(anna), command.model_copy(update={"random_ids": ids}))


async def refusal(anna: OwnedAccount, *attachments: Attachment, **more: Any) -> AvioError:
    with pytest.raises(AvioError) as raised:
        await send(anna, *attachments, **more)
    return raised.value


def arrived(server: TelegramServer) -> list[dict[str, Any]]:
    """Return what Alice has received."""
    return server.messages.select(ALICE, MessageFilter(direction="in"))


async def test_a_photo_with_a_text_is_one_message(server: TelegramServer, anna: OwnedAccount) -> None:
    """The text is its caption; what a file is, its bytes say."""
    sent = await send(anna, inline(picture(), name="x.exe"), text="Look!")
    (message,) = arrived(server)
    assert (message["text"], message["media"]["kind"]) == ("Look!", "photo")
    assert server.messages.media(ALICE, message["id"])[0] == picture()
    assert len(sent.message_ids) == 1


async def test_a_file_keeps_its_name_and_bytes(server: TelegramServer, anna: OwnedAccount) -> None:
    """Without folders; and a photo that is to be a file is one."""
    await send(anna, inline(PDF, name="../../счёт.pdf", caption="the bill"))
    await send(anna, inline(picture(), type="file", name="p.png"), first_id=200)
    bill, file = arrived(server)
    assert (bill["media"]["name"], bill["media"]["mime_type"], bill["text"]) == ("счёт.pdf", "application/pdf", "the bill")
    assert server.messages.media(ALICE, bill["id"])[0] == PDF
    assert (file["media"]["kind"], file["media"]["mime_type"]) == ("document", "image/png")


async def test_files_are_grouped_as_telegram_groups_them(server: TelegramServer, anna: OwnedAccount) -> None:
    """S10: photos and videos are one album, documents another, a voice note is alone; the answer names all, as they were given."""
    files = [inline(picture()), inline(PDF), inline(VIDEO, caption="film"), inline(MP3, type="voice"), inline(PDF + b"2")]
    sent = await send(anna, *files)
    found = arrived(server)
    assert [message["media"]["kind"] for message in found] == ["photo", "document", "document", "document", "document"]
    albums = [message["album"] for message in found]
    assert albums[0] == albums[1] is not None
    assert albums[2] == albums[3] is not None
    assert (albums[0] == albums[2], albums[4]) == (False, None)
    assert [message["text"] for message in found] == ["", "film", "", "", ""]
    assert "DocumentAttributeAudio" in found[4]["media"]["attributes"]
    ids = [int(one) for one in sent.message_ids]
    assert sorted(ids) == sorted(set(ids))
    assert [sorted(ids).index(one) for one in ids] == [0, 2, 1, 4, 3]


async def test_a_text_that_is_no_caption_comes_first(server: TelegramServer, anna: OwnedAccount) -> None:
    """It is too long, or the first file has a caption."""
    sent = await send(anna, inline(picture()), text="x" * 1025)
    await send(anna, inline(picture(), caption="c"), text="t", first_id=200)
    assert [(message["text"][:1], message["media"] is not None) for message in arrived(server)] == [
        ("x", False),
        ("", True),
        ("t", False),
        ("c", True),
    ]
    assert len(sent.message_ids) == 2


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "error"])
@pytest.mark.parametrize("count", [1, 2])
async def test_a_fault_around_the_send_makes_no_second_message(server: TelegramServer, anna: OwnedAccount, kind: Any, count: int) -> None:
    """Alone or in an album; the files are not uploaded again."""
    method = "messages.sendMedia" if count == 1 else "messages.sendMultiMedia"
    server.operation.inject(FaultSpec(kind=kind, method=method, code=500, message="INTERNAL"))
    sent = await send(anna, *[inline(PDF + bytes([number])) for number in range(count)])
    assert len(arrived(server)) == len(sent.message_ids) == count
    assert server.operation.counters()["calls"]["upload.saveFilePart"] == count


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("schedule_at", [None, datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)], ids=["now", "later"])
async def test_what_telegram_calls_a_duplicate_is_found(
    server: TelegramServer, anna: OwnedAccount, count: int, schedule_at: datetime | None
) -> None:
    """Alone or in an album, sent or scheduled: the answer names the first messages, in order."""
    server.operation.settings({"repeated_random_id": "error"})
    files = [inline(PDF + bytes([number]), caption=f"file {number}") for number in range(count)]
    sent = await send(anna, *files, schedule_at=schedule_at)
    assert await send(anna, *files, schedule_at=schedule_at) == sent
    assert len(arrived(server)) == (0 if schedule_at else count)


async def test_a_repeat_whose_upload_is_used_up_is_found(server: TelegramServer, anna: OwnedAccount) -> None:
    """Telegram keeps an upload no longer than it needs it: that it is gone does not say that nothing was sent."""
    server.operation.inject(FaultSpec(kind="drop_after", method="messages.sendMedia"))
    server.operation.inject(FaultSpec(kind="error", method="messages.sendMedia", code=400, message="FILE_PARTS_INVALID"))
    sent = await send(anna, inline(PDF, caption="once"))
    (message,) = server.messages.select(ANNA, MessageFilter(direction="out"))
    assert sent.message_ids == (str(message["id"]),)


async def test_an_upload_that_telegram_does_not_take_is_uploaded_anew(server: TelegramServer, anna: OwnedAccount) -> None:
    """By the next request; this one is refused, and sent nothing."""
    server.operation.inject(FaultSpec(kind="error", method="messages.sendMedia", code=400, message="FILE_PARTS_INVALID"))
    assert (await refusal(anna, inline(PDF))).code is Code.ATTACHMENT_REFUSED
    await send(anna, inline(PDF), first_id=200)
    assert len(arrived(server)) == 1
    assert server.operation.counters()["calls"]["upload.saveFilePart"] == 2


async def test_a_repeat_whose_files_are_gone_does_not_say_that_nothing_was_sent(server: TelegramServer, anna: OwnedAccount) -> None:
    """Of a request that another owner may have carried out before it died."""
    began_at = datetime.now(UTC)
    assert (await refusal(anna, Attachment(url="http://nowhere.invalid/"), began_at=began_at)).code is Code.OUTCOME_UNKNOWN
    telegram(anna).transfers().uploads.wait_s = 0
    under_way = await refusal(anna, inline(PDF), began_at=began_at)
    assert (under_way.code, "othing was sent" in under_way.detail) == (Code.ATTACHMENTS_UNDER_WAY, False)
    assert arrived(server) == []


async def test_captions_are_formatted(server: TelegramServer, anna: OwnedAccount) -> None:
    """Of each file of an album, of a file by itself, and of the text that is the first one's caption."""
    bold, code = (MarkupEntity(type=kind, offset=0, length=4) for kind in (EntityType.BOLD, EntityType.CODE))
    album = [inline(PDF, caption="bold text", entities=(bold,)), inline(PDF + b"2", caption="code", entities=(code,))]
    await send(anna, *album)
    await send(anna, inline(MP3), text="bold as well", entities=(bold,), first_id=200)
    found = [(one["text"], [entity["type"] for entity in one["entities"]]) for one in arrived(server)]
    assert found == [("bold text", ["Bold"]), ("code", ["Code"]), ("bold as well", ["Bold"])]


async def test_files_take_the_options_of_a_text(server: TelegramServer, anna: OwnedAccount) -> None:
    """A recipient by number, an answer with a quote, without a sound."""
    question = server.messages.send(ALICE, SendSpec(to=ANNA, text="a long question"))
    (asked,) = server.messages.select(ANNA, MessageFilter(contains="question"))
    quote = QuotedText(text="long", offset=2)
    files = [inline(picture()), inline(VIDEO)]
    await send(anna, *files, to=str(id_of(server, ALICE)), reply_to=str(asked["id"]), quote=quote, silent=True)
    assert [(one["reply_to"], one["quote"], one["silent"]) for one in arrived(server)] == [(question["id"], "long", True)] * 2
    refused = await refusal(anna, inline(PDF), first_id=200, quote=QuotedText(text="nowhere"), reply_to=str(asked["id"]))
    assert refused.code is Code.QUOTE_NOT_FOUND


async def test_an_album_is_scheduled_and_sent_as_one(server: TelegramServer, anna: OwnedAccount) -> None:
    """Its ids are those of the scheduled messages, its date is when they will be sent."""
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    sent = await send(anna, inline(picture(), caption="one"), inline(VIDEO), schedule_at=at)
    assert sent.date == at
    client, alice = await telegram(anna).connected_client(), await telegram(anna).context.peers.input_peers(id_of(server, ALICE))
    waiting = (await client.invoke(functions.messages.GetScheduledHistoryRequest(alice[0], 0))).messages
    assert {str(one.id) for one in waiting} == set(sent.message_ids)
    assert len({one.grouped_id for one in waiting}) == 1
    assert [type(one.media) for one in sorted(waiting, key=lambda one: one.id)] == [types.MessageMediaPhoto, types.MessageMediaDocument]
    assert arrived(server) == []
    await client.invoke(functions.messages.SendScheduledMessagesRequest(alice[0], [one.id for one in waiting]))
    first, second = arrived(server)
    assert (first["text"], first["album"]) == ("one", second["album"])
    assert first["album"]


async def test_files_go_through_the_accounts_proxy(server: TelegramServer, anna: OwnedAccount) -> None:
    """Up and down, also to another data centre: as many connections there as at Telegram."""
    server.people.patch(ALICE, PersonPatch(dc=4))
    async with proxy_server() as proxy:
        await set_proxy(telegram(anna), SetProxy(type=ProxyType.SOCKS5, host="127.0.0.1", port=proxy.port))
        await until(lambda: proxy.reached and is_up(anna))
        accepted = server.operation.counters()["connections_accepted"]
        await send(anna, inline(PDF))
        sent = server.messages.send(ALICE, SendSpec(to=ANNA, media=MediaSpec(content=b64encode(PDF))))
        (received,) = server.messages.select(ANNA, MessageFilter(chat=ALICE, direction="in"))
        place = MediaPlace(id_of(server, ANNA), id_of(server, ALICE), received["id"])
        answer = await fetch(anna, media_id(TENANT, place))
        assert isinstance(answer, MediaContent)
        assert (answer.content, sent["media"]["size"]) == (PDF, len(PDF))
        opened = server.operation.counters()["connections_accepted"] - accepted
        assert (opened, len(proxy.reached)) == (2, 3)
        await remove_proxy(telegram(anna), RemoveProxy())


async def test_an_upload_goes_on_after_a_fault(server: TelegramServer, anna: OwnedAccount) -> None:
    """Of the connection for files; the account's own is not touched."""
    server.operation.inject(FaultSpec(kind="drop_before", method="upload.saveFilePart"))
    data = PDF + content(2_000_000)
    await send(anna, inline(data))
    (message,) = arrived(server)
    assert server.messages.media(ALICE, message["id"])[0] == data


async def test_a_large_upload_of_the_tenant_is_sent(harness: ListenerHarness, server: TelegramServer, anna: OwnedAccount) -> None:
    """In big parts, of which only the last tells how many there are; another tenant's upload is none."""
    data, upload_id = PDF + content(11_000_000), "upl_" + "a" * 32
    key = upload_key(TENANT, upload_id)
    harness.aws.client("s3").put_object(Bucket=harness.aws.media_bucket, Key=key, Body=data)
    await send(anna, Attachment(upload_id=upload_id, name="big.pdf"))
    (message,) = arrived(server)
    assert server.messages.media(ALICE, message["id"])[0] == data
    assert (await refusal(anna, Attachment(upload_id="upl_" + "b" * 32))).code is Code.UPLOAD_NOT_FOUND
    assert (await refusal(anna, Attachment(upload_id="../" + upload_id))).code is Code.UPLOAD_NOT_FOUND


async def test_what_is_slow_is_sent_by_a_repeat(server: TelegramServer, anna: OwnedAccount) -> None:
    """Nothing is sent meanwhile, and the repeat moves nothing again."""
    transfers = telegram(anna).transfers()
    transfers.uploads.wait_s = 0
    assert (await refusal(anna, inline(PDF))).code is Code.ATTACHMENTS_UNDER_WAY
    assert arrived(server) == []
    transfers.uploads.wait_s = 60
    await send(anna, inline(PDF))
    assert len(arrived(server)) == 1
    assert server.operation.counters()["calls"]["upload.saveFilePart"] == 1


async def test_a_file_at_an_address_is_fetched(server: TelegramServer, anna: OwnedAccount) -> None:
    """Through a redirect, under the name in the address."""
    async with web_server() as web:
        web.file("/files/%D1%81.pdf", PDF)
        web.answers["/go"] = b"HTTP/1.1 302 Found\r\nLocation: /files/%D1%81.pdf\r\nContent-Length: 0\r\n\r\n"
        await send(anna, Attachment(url=web.url("/files/%D1%81.pdf")))
        await send(anna, Attachment(url=web.url("/go"), name="go.pdf"), first_id=200)
    first, second = arrived(server)
    assert (first["media"]["name"], second["media"]["name"]) == ("с.pdf", "go.pdf")
    assert server.messages.media(ALICE, second["id"])[0] == PDF


def _hostile(web: WebServer) -> dict[str, tuple[str, Code]]:
    web.answers["/loop"] = b"HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n"
    web.answers["/to-file"] = b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"
    web.answers["/endless"] = b"HTTP/1.1 200 OK\r\n\r\n"
    web.endless.add("/endless")
    web.answers["/nonsense"] = b"\x00\x01nonsense\r\n\r\n"
    return {
        "a page that says 404": (web.file("/404", b"<html>gone</html>", status="404 Not Found"), Code.ATTACHMENT_UNREACHABLE),
        "shorter than it says": (web.file("/short", b"abc", length=1000), Code.ATTACHMENT_UNREACHABLE),
        "larger than Telegram takes": (web.file("/large", b"abc", length=3 << 30), Code.ATTACHMENT_TOO_LARGE),
        "endless": (web.url("/endless"), Code.ATTACHMENT_TOO_LARGE),
        "a gzip bomb": (web.file("/gzip", b"\x1f\x8b" + b"\0" * 100, "Content-Encoding: gzip"), Code.ATTACHMENT_REFUSED),
        "redirects for ever": (web.url("/loop"), Code.ATTACHMENT_UNREACHABLE),
        "a redirect to a file": (web.url("/to-file"), Code.ATTACHMENT_REFUSED),
        "empty": (web.file("/empty", b""), Code.ATTACHMENT_REFUSED),
        "no HTTP": (web.url("/nonsense"), Code.ATTACHMENT_UNREACHABLE),
        "data": ("data:text/plain,hello", Code.ATTACHMENT_REFUSED),
        "a user name": ("http://me:secret@127.0.0.1/", Code.ATTACHMENT_REFUSED),
        "no address": ("http://[::1", Code.ATTACHMENT_REFUSED),
        "a name that does not resolve": ("http://nowhere.invalid/", Code.ATTACHMENT_UNREACHABLE),
        "nobody listens": ("http://127.0.0.1:1/", Code.ATTACHMENT_UNREACHABLE),
    }


async def test_a_hostile_address_sends_nothing(server: TelegramServer, anna: OwnedAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    """S9: each is refused with a code and in words, also beside a good file."""
    monkeypatch.setattr("listener.telegram.media.outgoing_files.MAX_BYTES", 30 << 20)
    async with web_server() as web:
        for name, (url, code) in _hostile(web).items():
            error = await refusal(anna, inline(PDF), Attachment(url=url))
            assert error.code is code, name
            assert "othing was sent" in error.detail
            assert "secret" not in error.detail
    assert arrived(server) == []


async def test_an_empty_file_is_refused(anna: OwnedAccount) -> None:
    """Telegram takes none."""
    assert (await refusal(anna, inline(b""))).code is Code.ATTACHMENT_REFUSED
    assert upload.MAX_BYTES == 2_097_152_000


def edit_of(message_id: str, **change: Any) -> EditMessage:
    """Return the command that edits a message to Alice."""
    return EditMessage(**{"to": "@alice", "message_id": message_id, "text": "", **change})


async def test_a_message_gets_other_media(server: TelegramServer, anna: OwnedAccount) -> None:
    """In an album too, and with another caption; the same edit again, after a fault, changes nothing more."""
    sent = await send(anna, inline(picture(), caption="old"), inline(VIDEO))
    bold = MarkupEntity(type=EntityType.BOLD, offset=0, length=3)
    server.operation.inject(FaultSpec(kind="drop_after", method="messages.editMessage"))
    change = edit_of(sent.message_ids[0], text="new", entities=(bold,), attachment=inline(picture(32, 20)))
    changed = await edit(telegram(anna), change)
    first, second = arrived(server)
    assert (changed.message_id, first["text"], first["entities"][0]["type"]) == (sent.message_id, "new", "Bold")
    assert server.messages.media(ALICE, first["id"])[0] == picture(32, 20)
    assert first["album"] == second["album"]
    assert server.operation.counters()["calls"]["messages.uploadMedia"] == 3


async def test_a_caption_is_edited_and_taken_away(server: TelegramServer, anna: OwnedAccount) -> None:
    """The media stays; with other media and no text there is no caption."""
    sent = await send(anna, inline(PDF, caption="old"))
    await edit(telegram(anna), edit_of(sent.message_id, text="new"))
    (message,) = arrived(server)
    assert (message["text"], message["media"]["mime_type"]) == ("new", "application/pdf")
    await edit(telegram(anna), edit_of(sent.message_id, attachment=inline(PDF + b"2")))
    (message,) = arrived(server)
    assert (message["text"], server.messages.media(ALICE, message["id"])[0]) == ("", PDF + b"2")


async def test_media_that_cannot_take_the_place_is_refused(server: TelegramServer, anna: OwnedAccount) -> None:
    """Of a text there is none, and an album stays of one group."""
    text = await telegram(anna).send(message("just a text"))
    album = await send(anna, inline(picture()), inline(VIDEO), first_id=200)
    for message_id, name in ((str(text.message_id), "MEDIA_PREV_INVALID"), (album.message_id, "MEDIA_GROUPED_INVALID")):
        with pytest.raises(AvioError) as refused:
            await edit(telegram(anna), edit_of(message_id, attachment=inline(PDF)))
        assert (refused.value.code, refused.value.fields["telegram_error"]) == (Code.ATTACHMENT_REFUSED, name)
