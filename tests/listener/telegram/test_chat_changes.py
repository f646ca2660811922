"""Read receipts, unread marks and typing."""

from __future__ import annotations

import pytest

from listener.telegram.operations.chat_changes import mark_unread, read_chat, show_chat_action
from shared.rpc.chat_changes import ChatAction, MarkUnread, ReadChat, ShowChatAction
from testing.telegram_server.control.specs import GroupSpec, MessageFilter, SendSpec
from tests.listener.telegram.clients import ANN, BOB, TelegramHarness
from tests.listener.telegram.performing import performing_client


async def test_reading_up_to_a_message_shows_the_sender_what_was_read(telegram: TelegramHarness) -> None:
    """And no more. A lower number afterwards changes nothing, and the account's own state follows without a gap."""
    async with performing_client(telegram) as ann:
        ids = [ann.received(text) for text in ("one", "two", "three")]
        for max_id in (ids[1], ids[0]):
            changed = await read_chat(ann, ReadChat(to="@bob_ray", max_id=max_id))
            assert changed.chat_id == str(telegram.id_of(BOB))
            assert [m["read"] for m in telegram.server.messages.select(BOB, MessageFilter(chat=ANN))] == [True, True, False]
        telegram.write("after")
        await ann.recorder.until(lambda: "after" in ann.recorder.texts)
        assert telegram.counted("calls").get("updates.getDifference", 0) == 1  # the one at the start


@pytest.mark.parametrize("kind", ["basic", "supergroup"])
async def test_a_group_is_read(telegram: TelegramHarness, kind: str) -> None:
    """Supergroups are read by a method of their own."""
    async with performing_client(telegram) as ann:
        spec = {"kind": kind, "title": "House", "creator": ANN, "members": [BOB], "username": None if kind == "basic" else "the_house"}
        group = telegram.server.groups.create(GroupSpec.model_validate(spec))
        telegram.server.messages.send(BOB, SendSpec(to=str(group["id"]), text="in the group"))
        await ann.recorder.until(lambda: "in the group" in ann.recorder.texts)
        (message,) = [m for m in telegram.server.messages.select(ANN, MessageFilter(chat=str(group["id"]))) if m["text"]]
        await ann.learn_chats()
        to = "@the_house" if kind == "supergroup" else str(group["id"])
        await read_chat(ann, ReadChat(to=to, max_id=str(message["id"])))
        (after,) = [m for m in telegram.server.messages.select(ANN, MessageFilter(chat=str(group["id"]))) if m["text"]]
        assert after["read"]


async def test_a_chat_is_marked_as_unread_and_not(telegram: TelegramHarness) -> None:
    """The mark is in the account's list of chats."""
    async with performing_client(telegram) as ann:
        ann.received("hello")
        for unread in (True, True, False):
            await mark_unread(ann, MarkUnread(to="@bob_ray", unread=unread))
            (chat,) = [one for one in telegram.server.messages.chats(ANN) if one["chat"]["id"] == telegram.id_of(BOB)]
            assert chat["unread_mark"] is unread


@pytest.mark.parametrize("action", list(ChatAction))
async def test_every_action_is_shown(telegram: TelegramHarness, action: ChatAction) -> None:
    """Telegram takes each."""
    async with performing_client(telegram) as ann:
        await show_chat_action(ann, ShowChatAction(to="@bob_ray", action=action))
        assert telegram.counted("calls")["messages.setTyping"] == 1
        assert telegram.counted("unknown_constructors") == {}
