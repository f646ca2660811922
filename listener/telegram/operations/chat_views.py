"""Chats as the commands that read answer with them: from Telegram's dialogs, their last messages, and whom these name."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from telethon import utils
from telethon.tl import types

from listener.telegram.operations.operation_runner import ConnectedAccount
from listener.telegram.peers.peer_cache import PeerCache
from listener.telegram.updates.event_mapping import SERVICE_USER_ID, message_of
from listener.telegram.updates.happening import chat_type_of
from shared.model.event import ChatType, Message
from shared.rpc.chats import Chat

ARCHIVE = 1  # https://core.telegram.org/api/folders#peer-folders
_EMPTY = (types.UserEmpty, types.ChatEmpty)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ChatsOfAnswer:
    """Dialogs of an answer, with the messages, users and chats that came with them."""

    dialogs: Sequence[Any]
    messages: dict[tuple[int, int], Any] = field(default_factory=dict)
    entities: dict[int, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, answer: Any) -> ChatsOfAnswer:
        """Return an answer's. A folder among them stands for no chat."""
        return cls(
            [dialog for dialog in answer.dialogs if isinstance(dialog, types.Dialog)],
            {(utils.get_peer_id(message.peer_id), message.id): message for message in answer.messages if message.peer_id},
            {utils.get_peer_id(entity): entity for entity in (*answer.users, *answer.chats) if not isinstance(entity, _EMPTY)},
        )

    def last_message(self, dialog: Any) -> Any | None:
        """Return the last message of a dialog, None if it did not come, or is gone."""
        found = self.messages.get((utils.get_peer_id(dialog.peer), dialog.top_message))
        return found if getattr(found, "date", None) else None


async def chats_of(at: ConnectedAccount, found: ChatsOfAnswer) -> list[Chat]:
    """Return the chats, and store whom they name. Left out: Telegram's own chat, and basic groups that have become supergroups."""
    page = at.peers.page([*found.entities.values()])
    chats = [chat_of(at, found, dialog, page) for dialog in found.dialogs if _is_shown(found, dialog)]
    await at.peers.keep(page)
    return chats


def chat_of(at: ConnectedAccount, found: ChatsOfAnswer, dialog: Any, page: PeerCache) -> Chat:
    """Return one chat."""
    return Chat(**fields_of_chat(at, found, dialog, page))


def fields_of_chat(at: ConnectedAccount, found: ChatsOfAnswer, dialog: Any, page: PeerCache) -> dict[str, Any]:
    """Return the fields of a chat. Of one that came without its user or group, what events have told."""
    chat_id = utils.get_peer_id(dialog.peer)
    entity, known = found.entities.get(chat_id), page.known(chat_id) or at.peers.known(chat_id)
    last = found.last_message(dialog)
    return {
        "chat_id": chat_id,
        "chat_type": chat_type(chat_id, entity) if entity else chat_type_of(chat_id, known),
        "title": title_of(entity) if entity else known and known.name,
        "username": known.username if known else None,
        "unread_count": dialog.unread_count,
        "marked_unread": bool(dialog.unread_mark),
        "muted_until": dialog.notify_settings.mute_until,
        "pinned": bool(dialog.pinned),
        "archived": dialog.folder_id == ARCHIVE,
        "last_message_at": last.date if last else None,
        "last_message": told(last, at, page) if last else None,
    }


def told(message: Any, at: ConnectedAccount, page: PeerCache) -> Message | None:
    """Return a message as events tell it; None for what is none there, and for one that our own mapping fails on."""
    try:
        return message_of(message, at.tenant_id, at.self_id, page)
    except Exception as error:  # one message must not cost the page
        _log.warning("message not understood", extra={"message_id": message.id, "fault": type(error).__name__})
        return None


def title_of(entity: Any) -> str | None:
    """Return what a user, group or channel is called."""
    return utils.get_display_name(entity) or getattr(entity, "title", None) or None


def chat_type(chat_id: int, entity: Any) -> ChatType:
    """Return the kind of a chat; a forbidden one tells it too."""
    if chat_id > 0:
        return "private"
    channel = isinstance(entity, types.Channel | types.ChannelForbidden) and not entity.megagroup
    return "channel" if channel else "group"


def _is_shown(found: ChatsOfAnswer, dialog: Any) -> bool:
    chat_id = utils.get_peer_id(dialog.peer)
    return chat_id != SERVICE_USER_ID and not getattr(found.entities.get(chat_id), "migrated_to", None)
