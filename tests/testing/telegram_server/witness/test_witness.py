"""What the Telegram test server does is understood by others than Telethon: Kurigram (layer 229) and mtcute (layer 227)."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path

from testing.telegram_server.control.specs import EditSpec, GroupSpec, MediaSpec, MessageFilter, PersonPatch, SendSpec
from testing.telegram_server.model.group import Kind
from testing.telegram_server.server import TelegramServer
from tests.testing.telegram_server.accounts import ANN, BOB
from tests.testing.telegram_server.witness.puppet import Account, Puppet

KINDS: tuple[Kind, ...] = ("basic", "supergroup", "channel")


async def test_logging_in_and_out(server: TelegramServer, witness: Puppet) -> None:
    """By code and then by password, of which a wrong one burns nothing; logging out ends the authorisation."""
    server.people.patch(ANN, PersonPatch(password="hunter2"))
    ann = await witness.stranger("ann", ANN)
    assert await ann.do("sign_in", code=(await server.people.code(ANN))["code"]) == "password"
    assert await ann.do("password", password="hunter3") == "wrong"
    assert await ann.do("password", password="hunter2") == "Ann"
    assert len(server.people.authorizations(ANN)) == 1
    assert await ann.do("log_out")
    assert server.people.authorizations(ANN) == []


async def test_private_chats(server: TelegramServer, witness: Puppet) -> None:
    """Two accounts write, answer, edit and delete; one writes to itself; the history is what was written."""
    ann, bob = await witness.account("ann", ANN), await witness.account("bob", BOB)
    first = await ann.do("send", chat="bob_ray", text="hi")
    (told,) = await bob.events(1)
    assert (told["kind"], told["text"]) == ("new", "hi")
    await bob.do("send", chat="ann_lee", text="hello", reply_to=told["id"])
    (answer,) = await ann.events(1)
    assert answer["text"] == "hello"
    assert server.messages.select(ANN, MessageFilter(contains="hello"))[0]["reply_to"] == first
    assert await ann.do("edit", chat="bob_ray", message=first, text="hi there") == "hi there"
    await ann.do("delete", chat="bob_ray", message=first)
    assert [(event["kind"], event["id"]) for event in await bob.events(2)] == [("edit", told["id"]), ("delete", told["id"])]
    note = await ann.do("send", chat="me", text="milk")
    assert await ann.do("edit", chat="me", message=note, text="milk, eggs") == "milk, eggs"
    assert [await ann.do("history", chat=chat) for chat in ("me", "bob_ray")] == [["milk, eggs"], ["hello"]]


async def test_groups_and_channels(server: TelegramServer, witness: Puppet) -> None:
    """Made by the client and by others, every kind of chat is listed, written in, edited, deleted from, and told of."""
    theirs = {kind: _group(server, kind) for kind in KINDS}
    ann = await witness.account("ann", ANN)
    for chat in theirs.values():
        sent = server.messages.send(BOB, SendSpec(to=str(chat), text="welcome"))
        (told,) = await ann.events(1)
        assert (told["chat"], told["text"]) == (chat, "welcome")
        server.messages.edit(BOB, sent["id"], EditSpec(text="hello", chat=str(chat)))
        server.messages.delete(BOB, sent["id"], str(chat))
        assert [(event["kind"], event["id"]) for event in await ann.events(2)] == [("edit", told["id"]), ("delete", told["id"])]
    own = {
        "basic": await ann.do("make_basic", title="own", people=["bob_ray"]),
        "supergroup": await ann.do("make_channel", title="own", broadcast=False),
        "channel": await ann.do("make_channel", title="own", broadcast=True),
    }
    for chat in (theirs["basic"], theirs["supergroup"], *own.values()):
        kept, gone = await ann.do("send", chat=chat, text="one"), await ann.do("send", chat=chat, text="two")
        await ann.do("edit", chat=chat, message=kept, text="three")
        await ann.do("delete", chat=chat, message=gone)
        assert await ann.do("history", chat=chat) == ["three"]
        assert [message["text"] for message in server.messages.select(ANN, MessageFilter(chat=str(chat), direction="out"))][-1] == "three"
    assert {*theirs.values(), *own.values()} <= {*await ann.do("dialogs")}


async def test_files_up_and_down(server: TelegramServer, witness: Puppet, tmp_path: Path) -> None:
    """Eleven megabytes go up, over several connections where the client opens them, and come down whole; so does a small file."""
    ann, big, small = await witness.account("ann", ANN), os.urandom(11 << 20), os.urandom(70_000)
    (tmp_path / "big.bin").write_bytes(big)
    up = await ann.do("send_file", chat="bob_ray", path=str(tmp_path / "big.bin"), caption="all of it")
    assert server.messages.media(ANN, up)[0] == big
    down = server.messages.send(BOB, SendSpec(to=ANN, text="yours", media=MediaSpec(content=base64.b64encode(small))))
    (told,) = await ann.events(1)
    assert (down["text"], told["text"]) == ("yours", "yours")
    assert await ann.do("fetch_file", chat="bob_ray", message=up) == hashlib.sha256(big).hexdigest()
    assert await ann.do("fetch_file", chat="bob_ray", message=told["id"]) == hashlib.sha256(small).hexdigest()


async def test_catching_up(server: TelegramServer, witness: Puppet) -> None:
    """What came while the client was away is told when it is back, in every kind of chat: messages, and what was edited or deleted."""
    chats = [ANN, *(str(_group(server, kind)) for kind in KINDS)]
    ann = await witness.account("ann", ANN)
    known = [await _heard(server, ann, chat) for chat in chats]
    await ann.do("close")
    for chat, (kept, gone) in zip(chats, known, strict=True):
        place = {} if chat == ANN else {"chat": chat}
        server.messages.edit(BOB, kept, EditSpec(text=f"edited in {chat}", **place))
        server.messages.delete(BOB, gone, place.get("chat"))
        server.messages.send(BOB, SendSpec(to=chat, text=f"missed in {chat}"))
    await ann.do("open")
    told = await ann.events(3 * len(chats))
    assert {event["text"] for event in told if event["kind"] == "new"} == {f"missed in {chat}" for chat in chats}
    assert {event["text"] for event in told if event["kind"] == "edit"} == {f"edited in {chat}" for chat in chats}
    assert sum(event["kind"] == "delete" for event in told) == len(chats)
    await ann.do("send", chat="bob_ray", text="back")
    assert server.messages.select(BOB, MessageFilter(direction="in"))[-1]["text"] == "back"


def _group(server: TelegramServer, kind: Kind) -> int:
    return int(server.groups.create(GroupSpec(kind=kind, title=kind, creator=BOB, members=[ANN]))["id"])


async def _heard(server: TelegramServer, ann: Account, chat: str) -> list[int]:
    """Return the ids, for who sent them, of two messages of a chat that the account has been told of."""
    ids = []
    for text in ("kept", "gone"):
        ids.append(server.messages.send(BOB, SendSpec(to=chat, text=text))["id"])
        assert [event["text"] for event in await ann.events(1)] == [text]
    return ids
