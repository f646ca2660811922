"""Editing, deleting, reacting, pinning: what the chat shows afterwards, repeats, and refusals."""

from __future__ import annotations

import asyncio

import pytest

from listener.telegram.operations.message_changes import delete_messages, edit_message, pin_message, set_reactions
from listener.telegram.operations.recipients import resolve
from shared.errors import AvioError, Code
from shared.rpc.message_changes import DeleteMessages, EditMessage, PinMessage, SetReactions
from shared.rpc.text import EntityType, MarkupEntity
from testing.telegram_server.control.specs import GroupSpec, MessageFilter, SendSpec
from testing.telegram_server.faults import FaultSpec
from tests.listener.telegram.clients import ANN, BOB, CY, TelegramHarness
from tests.listener.telegram.performing import PerformingClient, performing_client

NOBODY = "2000000000"


def group_of(telegram: TelegramHarness, kind: str = "supergroup") -> str:
    """Make a group of Ann and Bob that has a name; return it as a handle."""
    spec = GroupSpec.model_validate({"kind": kind, "title": "House", "creator": ANN, "members": [BOB], "username": "the_house"})
    telegram.server.groups.create(spec)
    return "@the_house"


async def test_a_message_gets_another_text(telegram: TelegramHarness) -> None:
    """At both sides; the answer names it and says when. The same edit again changes nothing and is answered alike."""
    async with performing_client(telegram) as ann:
        message_id = ann.written("hello")
        first = await edit_message(ann, EditMessage(to="@bob_ray", message_id=message_id, text="hello, Bob"))
        again = await edit_message(ann, EditMessage(to="@bob_ray", message_id=message_id, text="hello, Bob"))
        assert ann.texts() == ["hello, Bob"]
        assert (first.chat_id, first.message_id) == (str(telegram.id_of(BOB)), message_id)
        assert again == first


async def test_an_edit_may_format_the_text(telegram: TelegramHarness) -> None:
    """The new entities take the place of the old ones."""
    async with performing_client(telegram) as ann:
        message_id = ann.written("hello")
        bold = MarkupEntity(type=EntityType.BOLD, offset=0, length=5)
        await edit_message(ann, EditMessage(to="@bob_ray", message_id=message_id, text="hello, Bob", entities=(bold,)))
        (seen,) = telegram.server.messages.select(BOB, MessageFilter(chat=ANN))
        assert [(entity["type"], entity["length"]) for entity in seen["entities"]] == [("Bold", 5)]


@pytest.mark.parametrize("kind", ["own", "channel"])
async def test_deleted_messages_are_gone_for_both(telegram: TelegramHarness, kind: str) -> None:
    """Also those that the other side wrote in a private chat, and in a supergroup of one's own."""
    async with performing_client(telegram) as ann:
        chat = "@bob_ray" if kind == "own" else group_of(telegram)
        own = [ann.written(text, to=chat) for text in ("one", "two", "three")]
        deleted = await delete_messages(ann, DeleteMessages(to=chat, message_ids=own[:2]))
        assert deleted.message_ids == own[:2]
        assert ann.texts(BOB, ANN if kind == "own" else chat)[-1:] == ["three"]
        with pytest.raises(AvioError) as gone:
            await delete_messages(ann, DeleteMessages(to=chat, message_ids=own[:2]))
        assert gone.value.code is Code.MESSAGE_NOT_FOUND


@pytest.mark.parametrize(("kind", "method"), [("own", "messages.deleteMessages"), ("channel", "channels.deleteMessages")])
async def test_a_deletion_whose_answer_is_lost_is_done(telegram: TelegramHarness, kind: str, method: str) -> None:
    """The messages are gone when the next connection looks: it deletes what the first one found."""
    async with performing_client(telegram) as ann:
        chat = "@bob_ray" if kind == "own" else group_of(telegram)
        doomed = ann.written("doomed", to=chat)
        telegram.server.operation.inject(FaultSpec(kind="drop_after", method=method))
        deleting = asyncio.create_task(delete_messages(ann, DeleteMessages(to=chat, message_ids=[doomed])))
        async with ann.reconnected():
            assert (await deleting).message_ids == [doomed]


async def test_deleting_for_oneself_leaves_the_other_side_alone(telegram: TelegramHarness) -> None:
    """`for_all=False`."""
    async with performing_client(telegram) as ann:
        message_id = ann.written("stays with Bob")
        await delete_messages(ann, DeleteMessages(to="@bob_ray", message_ids=[message_id], for_all=False))
        assert (ann.texts(ANN, BOB), ann.texts(BOB, ANN)) == ([], ["stays with Bob"])


async def test_a_message_of_another_chat_is_not_deleted(telegram: TelegramHarness) -> None:
    """Outside channels Telegram would delete it by its number alone."""
    async with performing_client(telegram) as ann:
        to_bob, to_cy = ann.written("to Bob"), ann.written("to Cy", to=CY)
        deleted = await delete_messages(ann, DeleteMessages(to="@bob_ray", message_ids=[to_bob, to_cy, NOBODY]))
        assert deleted.message_ids == [to_bob]
        assert ann.texts(CY) == ["to Cy"]


async def test_deleting_in_a_channel_does_not_move_the_accounts_own_state(telegram: TelegramHarness) -> None:
    """The answer has the channel's pts. If it were taken for the account's, the account's next message would be passed over."""
    async with performing_client(telegram) as ann:
        chat = group_of(telegram)
        doomed = ann.written("doomed", to=chat)
        await level_pts(ann, chat)
        await delete_messages(ann, DeleteMessages(to=chat, message_ids=[doomed]))
        telegram.write("not to be lost")
        await ann.recorder.until(lambda: "not to be lost" in ann.recorder.texts)
        assert telegram.counted("calls").get("updates.getDifference", 0) == 1  # the one at the start


async def level_pts(ann: PerformingClient, chat: str) -> None:
    """Bring the group's pts to that of Ann's box."""
    server = ann.telegram.server
    while (here := server.groups.get(chat)["pts"]) != (own := ann.recorder.state.pts):
        if here < own:
            server.messages.send(ANN, SendSpec(to=chat, text="more"))
        else:
            count = len(ann.recorder.texts)
            ann.telegram.write("more")
            await ann.recorder.until(lambda: len(ann.recorder.texts) > count)  # noqa: B023


async def test_a_reaction_is_set_changed_and_taken_away(telegram: TelegramHarness) -> None:
    """The same reaction again counts as done."""
    async with performing_client(telegram) as ann:
        message_id = ann.received("look")
        reactions = telegram.server.messages
        for chosen in (["👍"], ["👍"], ["🔥"], []):
            changed = await set_reactions(ann, SetReactions(to=str(await bob(ann)), message_id=message_id, reactions=chosen))
            assert changed.message_id == message_id
            (seen,) = reactions.select(BOB, MessageFilter(chat=ANN))
            assert seen["reactions"] == ([{"person": ann.user_id, "emoji": chosen[0]}] if chosen else [])


async def bob(ann: PerformingClient) -> int:
    """Make Bob known to the account, as his message does; return his id."""
    assert ann.runner.client is not None
    chat_id, _ = await resolve(ann.runner.client, ann.peers, ann.user_id, "@bob_ray")
    return chat_id


@pytest.mark.parametrize("reactions", [["🦄"], ["👍", "🔥"], ["5368324170671202286"]])
async def test_a_reaction_that_the_chat_does_not_take(telegram: TelegramHarness, reactions: list[str]) -> None:
    """Unknown emoji, too many, custom emoji without premium."""
    async with performing_client(telegram) as ann:
        with pytest.raises(AvioError) as refused:
            await set_reactions(ann, SetReactions(to="@bob_ray", message_id=ann.received("look"), reactions=reactions))
        assert refused.value.code is Code.REACTION_INVALID


async def test_a_message_is_pinned_and_taken_down(telegram: TelegramHarness) -> None:
    """Each twice: what is so already counts as done."""
    async with performing_client(telegram) as ann:
        message_id = ann.written("rules")
        for pinned in (True, True, False, False):
            await pin_message(ann, PinMessage(to="@bob_ray", message_id=message_id, pinned=pinned))
            (seen,) = telegram.server.messages.select(BOB, MessageFilter(chat=ANN))
            assert seen["pinned"] is pinned


@pytest.mark.parametrize("message_id", [NOBODY, "0", "99999999999", "x"])
async def test_a_message_that_there_is_not(telegram: TelegramHarness, message_id: str) -> None:
    """Each operation says so, and nothing is done."""
    async with performing_client(telegram) as ann:
        ann.written("hello")
        for asked in (
            edit_message(ann, EditMessage(to="@bob_ray", message_id=message_id, text="x")),
            delete_messages(ann, DeleteMessages(to="@bob_ray", message_ids=[message_id])),
            set_reactions(ann, SetReactions(to="@bob_ray", message_id=message_id, reactions=["👍"])),
            pin_message(ann, PinMessage(to="@bob_ray", message_id=message_id)),
        ):
            with pytest.raises(AvioError) as refused:
                await asked
            assert refused.value.code is Code.MESSAGE_NOT_FOUND


async def test_somebody_elses_message_cannot_be_edited(telegram: TelegramHarness) -> None:
    """Nor deleted for everybody in a group whose admin one is not."""
    async with performing_client(telegram) as ann:
        with pytest.raises(AvioError) as refused:
            await edit_message(ann, EditMessage(to="@bob_ray", message_id=ann.received("Bob's"), text="Ann's"))
        assert refused.value.code is Code.MESSAGE_AUTHOR_REQUIRED


async def test_a_fault_of_telegrams_own_is_tried_again(telegram: TelegramHarness) -> None:
    """The operation may be repeated, so the caller hears nothing of it."""
    async with performing_client(telegram) as ann:
        telegram.server.operation.inject(FaultSpec(kind="error", method="messages.editMessage", code=500, message="INTERNAL", times=1))
        await edit_message(ann, EditMessage(to="@bob_ray", message_id=ann.written("a"), text="b"))
        assert ann.texts() == ["b"]
