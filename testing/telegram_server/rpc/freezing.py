"""What a frozen account cannot do, and where it is told so (https://core.telegram.org/api/auth#frozen-accounts).

Telegram's pages list FROZEN_METHOD_INVALID for these methods or their like; a frozen account reads on.
"""

from __future__ import annotations

from typing import Any

from telethon.tl import types

from testing.telegram_server.model.person import Freeze

REFUSED = frozenset(
    {
        "account.updateUsername",
        "channels.createChannel",
        "channels.deleteMessages",
        "channels.inviteToChannel",
        "channels.joinChannel",
        "contacts.addContact",
        "contacts.block",
        "contacts.importContacts",
        "messages.addChatUser",
        "messages.createChat",
        "messages.editMessage",
        "messages.sendMedia",
        "messages.sendMessage",
        "messages.sendReaction",
        "messages.setTyping",
        "messages.updatePinnedMessage",
    }
)


def app_config(freeze: Freeze) -> list[Any]:
    """Return the entries of the client configuration that tell of a freeze."""
    numbers = {"freeze_since_date": freeze.since, "freeze_until_date": freeze.until}
    return [
        *(types.JsonObjectValue(name, types.JsonNumber(float(value))) for name, value in numbers.items()),
        types.JsonObjectValue("freeze_appeal_url", types.JsonString(freeze.appeal_url)),
    ]
