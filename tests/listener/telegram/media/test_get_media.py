"""Fetching media of received messages (contract M5): the bytes, once, from wherever they lie, over connections for files."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest

from listener.core.account import OwnedAccount
from listener.core.media_files import TRANSFERS
from listener.telegram.media.transfers import WAIT_S
from listener.telegram.updates.media_id import MediaPlace, media_id
from shared.errors import AvioError, Code
from shared.rpc.get_media import INLINE_BYTES, MediaContent, MediaPending, MediaStored
from testing.telegram_server.control.specs import PersonPatch
from testing.telegram_server.faults import FaultSpec
from testing.telegram_server.server import TelegramServer
from tests.listener.telegram.media.received import content, fetch, media_of_next, picture, send_media
from tests.support.account_scenario import ALICE, TENANT, id_of, log_in
from tests.support.listener_harness import ListenerHarness, telegram, until

LARGE = INLINE_BYTES + 9 * (1 << 20) + 12345


def stored(harness: ListenerHarness, key: str) -> bytes:
    """Return a file of the bucket."""
    return bytes(harness.aws.client("s3").get_object(Bucket=harness.aws.media_bucket, Key=key)["Body"].read())


async def refusal(anna: OwnedAccount, found_by: str, **more: Any) -> Code:
    with pytest.raises(AvioError) as raised:
        await fetch(anna, found_by, **more)
    return raised.value.code


async def test_a_photo_is_fetched_whole(harness: ListenerHarness, server: TelegramServer, anna: OwnedAccount) -> None:
    """Small media is answered as it is, and never lies in the bucket."""
    send_media(server, picture(), kind="photo")
    media = await media_of_next(harness)
    assert (media["type"], media["width"], media["height"], media["size"]) == ("photo", 8, 6, len(picture()))
    answer = await fetch(anna, media["id"])
    assert isinstance(answer, MediaContent)
    assert (answer.content, answer.mime_type) == (picture(), "image/jpeg")
    assert harness.aws.client("s3").list_objects_v2(Bucket=harness.aws.media_bucket)["KeyCount"] == 0


async def test_a_large_file_goes_into_the_bucket_once(harness: ListenerHarness, server: TelegramServer, anna: OwnedAccount) -> None:
    """In parts; who asks again, at once or later, finds it there."""
    data = content(LARGE)
    send_media(server, data, name="счёт.pdf", mime_type="application/pdf")
    media = await media_of_next(harness)
    answers = await asyncio.gather(*(fetch(anna, media["id"]) for _ in range(3)))
    while MediaPending in map(type, answers):
        answers = [await fetch(anna, media["id"])]
    answer = answers[0]
    assert isinstance(answer, MediaStored)
    assert (answer.mime_type, answer.file_name) == ("application/pdf", "счёт.pdf")
    assert stored(harness, answer.key) == data
    asked = server.operation.counters()["calls"]["upload.getFile"]
    assert asked == -(-LARGE // (512 * 1024))
    assert await fetch(anna, media["id"]) == answer
    assert server.operation.counters()["calls"]["upload.getFile"] == asked


async def test_a_thumbnail_is_fetched_for_itself(harness: ListenerHarness, server: TelegramServer, anna: OwnedAccount) -> None:
    """Of a document that has one; of another there is none, and that is said."""
    send_media(server, content(100_000), thumbnail=picture(32, 20))
    answer = await fetch(anna, (await media_of_next(harness))["id"], thumbnail=True)
    assert isinstance(answer, MediaContent)
    assert (answer.content, answer.mime_type) == (picture(32, 20), "image/jpeg")
    send_media(server, content(1000))
    assert await refusal(anna, (await media_of_next(harness))["id"], thumbnail=True) is Code.MEDIA_HAS_NO_THUMBNAIL


async def test_a_file_of_another_data_centre(harness: ListenerHarness, server: TelegramServer, anna: OwnedAccount) -> None:
    """The log-in is carried over once, under a key of its own (field case R9)."""
    server.people.patch(ALICE, PersonPatch(dc=4))
    for size in (1000, 600_000):
        send_media(server, content(size))
        answer = await fetch(anna, (await media_of_next(harness))["id"])
        assert isinstance(answer, MediaContent)
        assert answer.content == content(size)
    calls = server.operation.counters()["calls"]
    assert (calls["auth.exportAuthorization"], calls["auth.importAuthorization"]) == (1, 1)


@pytest.mark.parametrize("name", ["FILE_REFERENCE_EXPIRED", "FILE_REFERENCE_EMPTY", "FILE_REFERENCE_INVALID"])
async def test_an_expired_reference_is_renewed(harness: ListenerHarness, server: TelegramServer, anna: OwnedAccount, name: str) -> None:
    """From the message, in the middle of a download (field case R9)."""
    send_media(server, content(3_000_000))
    media = await media_of_next(harness)
    server.operation.inject(FaultSpec(kind="error", method="upload.getFile", code=400, message=name))
    answer = await fetch(anna, media["id"])
    assert isinstance(answer, MediaContent)
    assert answer.content == content(3_000_000)


@pytest.mark.parametrize(
    "fault",
    [
        FaultSpec(kind="drop_before", method="upload.getFile"),
        FaultSpec(kind="drop_after", method="upload.getFile"),
        FaultSpec(kind="error", method="upload.getFile", code=500, message="INTERNAL"),
        FaultSpec(kind="error", method="upload.getFile", code=420, message="FLOOD_PREMIUM_WAIT_1"),
    ],
    ids=["cut before", "cut after", "their fault", "throttled"],
)
async def test_a_download_goes_on_after_a_fault(
    harness: ListenerHarness, server: TelegramServer, anna: OwnedAccount, fault: FaultSpec
) -> None:
    """Where it stopped; the account's own connection is not touched."""
    send_media(server, content(2_000_000))
    media = await media_of_next(harness)
    server.operation.inject(fault)
    answer = await fetch(anna, media["id"])
    assert isinstance(answer, MediaContent)
    assert answer.content == content(2_000_000)


async def test_what_is_gone_says_so(harness: ListenerHarness, server: TelegramServer, anna: OwnedAccount) -> None:
    """A deleted message, and a message that never was."""
    sent = send_media(server, content(1000))
    media = await media_of_next(harness)
    server.messages.delete(ALICE, sent["id"])
    assert await refusal(anna, media["id"]) is Code.MEDIA_EXPIRED
    place = MediaPlace(int(telegram(anna).user_id or 0), id_of(server, ALICE), 4000)
    assert await refusal(anna, media_id(TENANT, place)) is Code.MEDIA_EXPIRED


async def test_what_destroys_itself_is_not_kept(harness: ListenerHarness, server: TelegramServer, anna: OwnedAccount) -> None:
    """It is described, and nothing more."""
    send_media(server, picture(), kind="photo", ttl_seconds=10)
    media = await media_of_next(harness)
    assert media["type"] == "photo"
    assert await refusal(anna, media["id"]) is Code.MEDIA_SELF_DESTRUCTS
    assert "upload.getFile" not in server.operation.counters()["calls"]


async def test_an_id_of_another_account_is_none(harness: ListenerHarness, server: TelegramServer, anna: OwnedAccount) -> None:
    """Nor one of another tenant, nor a made-up one. Log-in codes are nobody's media."""
    mine = int(telegram(anna).user_id or 0)
    assert await refusal(anna, media_id(TENANT, MediaPlace(mine + 1, 5, 5))) is Code.MEDIA_NOT_FOUND
    assert await refusal(anna, media_id("another", MediaPlace(mine, 5, 5))) is Code.MEDIA_NOT_FOUND  # type: ignore[arg-type]
    assert await refusal(anna, "med_1") is Code.MEDIA_NOT_FOUND
    assert await refusal(anna, media_id(TENANT, MediaPlace(mine, 777000, 1))) is Code.MEDIA_EXPIRED


async def test_a_download_goes_on_while_nobody_waits(harness: ListenerHarness, server: TelegramServer, anna: OwnedAccount) -> None:
    """The first answer says that it is on its way; the repeat finds it."""
    send_media(server, content(LARGE))
    media = await media_of_next(harness)
    transfers, files = telegram(anna).transfers(), telegram(anna).context.core.services.files
    async with AsyncExitStack() as all_turns:
        for _ in range(TRANSFERS):
            await all_turns.enter_async_context(files.turns)
        transfers.fetches.wait_s = 0
        assert isinstance(await fetch(anna, media["id"]), MediaPending)
        assert isinstance(await fetch(anna, media["id"]), MediaPending)
        assert transfers.fetches.under_way == 1
    transfers.fetches.wait_s = WAIT_S
    answer = await fetch(anna, media["id"])
    while isinstance(answer, MediaPending):
        answer = await fetch(anna, media["id"])
    assert isinstance(answer, MediaStored)
    assert stored(harness, answer.key) == content(LARGE)


async def test_a_worker_that_loses_its_lease_has_no_connection_left(harness: ListenerHarness, server: TelegramServer, people: None) -> None:
    """Connections for files end with the account's own, and nothing half-done is seen."""
    server.people.patch(ALICE, PersonPatch(dc=4))
    async with harness.worker().running() as worker:
        anna = await log_in(worker, server)
        send_media(server, content(LARGE))
        media = await media_of_next(harness)
        server.operation.inject(FaultSpec(kind="ignore", method="upload.getFile", times=None))
        asking = asyncio.create_task(fetch(anna, media["id"]))
        await until(lambda: server.operation.counters()["calls"].get("upload.getFile"))
        assert len(server.services.hub.connections) >= 2
        worker.lease.lapse()
        await until(lambda: not server.services.hub.connections)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    assert harness.aws.client("s3").list_objects_v2(Bucket=harness.aws.media_bucket)["KeyCount"] == 0
