"""Accounts that Telegram has limited: frozen, or no longer allowed to write to strangers."""

from __future__ import annotations

from typing import Any

import pytest
from telethon import errors, events, functions

from testing.telegram_server.control.specs import FreezeSpec, PersonPatch, SendSpec
from testing.telegram_server.server import TelegramServer
from tests.testing.telegram_server.accounts import ANN, BOB, CY, Inbox, logged_in

FREEZE = FreezeSpec(until=1_900_000_000, appeal_url="https://t.me/spambot?start=ann")


async def app_config(client: Any) -> dict[str, Any]:
    answer = await client(functions.help.GetAppConfigRequest(0))
    return {entry.key: entry.value.value for entry in answer.config.value}


async def test_a_frozen_account_reads_and_changes_nothing(server: TelegramServer) -> None:
    """It is told until when and where to appeal, goes on receiving, and is as before once it is thawed."""
    async with logged_in(server, ANN) as ann:
        assert await app_config(ann) == {}
        before = server.clock.now()
        frozen = server.people.patch(ANN, PersonPatch(frozen=FREEZE))["frozen"]
        assert before <= frozen.pop("since") <= server.clock.now()
        assert frozen == {"until": FREEZE.until, "appeal_url": FREEZE.appeal_url}
        for refused in (functions.messages.SendMessageRequest("me", "x"), functions.channels.CreateChannelRequest("c", "")):
            with pytest.raises(errors.FrozenMethodInvalidError):
                await ann(refused)
        told = await app_config(ann)
        assert (told["freeze_until_date"], told["freeze_appeal_url"]) == (FREEZE.until, FREEZE.appeal_url)
        inbox = Inbox(ann, events.NewMessage(incoming=True))
        server.messages.send(BOB, SendSpec(to=ANN, text="still read"))
        assert (await inbox.next()).raw_text == "still read"
        server.people.patch(ANN, PersonPatch(first_name="Anne"))
        assert server.people.get(ANN)["frozen"], "what is not named stays"
        server.people.patch(ANN, PersonPatch(frozen=None))
        assert await app_config(ann) == {}
        await ann.send_message("me", "thawed")


async def test_a_limited_account_may_only_answer(server: TelegramServer) -> None:
    """Strangers refuse it; who has written first does not, nor who has its number, nor itself."""
    async with logged_in(server, ANN) as ann, logged_in(server, CY) as cy:
        server.people.patch(ANN, PersonPatch(spam_limited=True))
        with pytest.raises(errors.PeerFloodError):
            await ann.send_message("bob_ray", "cold")
        await ann.send_message("me", "a note")
        server.messages.send(BOB, SendSpec(to=ANN, text="hello"))
        await ann.send_message("bob_ray", "an answer")
        cy_at_anns = (await ann(functions.contacts.ResolvePhoneRequest(CY))).users[0]
        with pytest.raises(errors.PeerFloodError):
            await ann.send_message(cy_at_anns, "cold")
        await cy(functions.contacts.AddContactRequest(await cy.get_input_entity("ann_lee"), "Ann", "", ANN))
        await ann.send_message(cy_at_anns, "to who has my number")
