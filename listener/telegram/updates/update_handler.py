"""From a batch of updates to the ledger: map, complete what short updates leave out, append events and marks together.

What our own mapping fails on is passed over with its marks and logged by type and ids, never by content.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from telethon import errors, utils
from telethon.tl import functions, types

from listener.telegram.updates.event_mapping import Happened, happened
from shared.model.ids import TenantId

if TYPE_CHECKING:
    from listener.core.ledger import Ledger
    from listener.telegram.connection.client import Client
    from listener.telegram.peers.peer_book import PeerBook
    from listener.telegram.updates.batch import Batch
    from shared.model.event import Event
    from shared.store.peers import Peer

_log = logging.getLogger(__name__)


class UpdateHandler:
    """Takes one account's batches."""

    def __init__(self, tenant_id: TenantId, self_id: int, peers: PeerBook, ledger: Ledger, now: Callable[[], datetime]) -> None:
        self._tenant_id = tenant_id
        self._self_id = self_id
        self._peers = peers
        self._ledger = ledger
        self._now = now
        self.last_event_at: datetime | None = None

    async def take(self, client: Client, batch: Batch) -> bool:
        """Append a batch's events and marks to the ledger; False where it has no room, and then nothing was taken.

        A batch that `waits` waits for room. What is not understood is logged and left out: the next connection would not understand it
        either.
        """
        self._learn(batch.users, batch.chats)
        if batch.marks is None:
            return True
        found = [
            one for one in map(self._happened, batch.updates) if one and one.sender_id != self._self_id
        ]  # Saved Messages are not `out`
        await self._complete(client, found)
        now = self._now()
        events = [event for one in found if (event := self._event(one, now, backfilled=batch.fetched))]
        if events:
            self.last_event_at = now
        while not self._ledger.append(events, batch.marks):
            if not batch.waits:
                return False
            await self._ledger.room()
        return True

    def _learn(self, users: list[Any], chats: list[Any]) -> None:
        try:
            self._peers.learn([*users, *chats])
        except Exception as error:  # the edge of a batch
            _log.warning("peers not understood", extra={"fault": type(error).__name__})

    def _happened(self, update: Any) -> Happened | None:
        try:
            return happened(update)
        except Exception as error:  # the edge of a batch
            message = getattr(update, "message", None)
            peer, number = type(getattr(message, "peer_id", None)).__name__, getattr(message, "id", getattr(update, "id", None))
            _log.warning("update not understood", extra={"update": type(update).__name__, "peer": peer, "message_id": number, **_of(error)})
            return None

    def _event(self, one: Happened, now: datetime, *, backfilled: bool) -> tuple[Event, tuple[Peer, ...]] | None:
        try:
            event = one.event(self._tenant_id, self._self_id, self._peers, now, backfilled=backfilled)
            return event, self._peers.unkept(one.chat_id, one.sender_id, (one.message_id, one.date))
        except Exception as error:  # the edge of a batch
            _log.warning("message not understood", extra={"chat_id": one.chat_id, "message_id": one.message_id, **_of(error)})
            return None

    async def _complete(self, client: Client, found: list[Happened]) -> None:
        """Ask Telegram for senders that it takes for known and we no longer know: short updates name them by id alone.

        The answer to `messages.getMessages` brings the users whole. Where it fails the event goes without a name.
        """
        unknown = [one.message_id for one in found if not self._knows(one)]
        if not unknown:
            return
        try:
            answer = await client.invoke(functions.messages.GetMessagesRequest([types.InputMessageID(one) for one in unknown[:100]]))
        except (errors.RPCError, OSError, TimeoutError):
            return
        self._learn(answer.users, answer.chats)

    def _knows(self, one: Happened) -> bool:
        """Tell whether there is nothing to ask: in a channel `messages.getMessages` would mean another message by this id."""
        known = self._peers.known
        if known(one.chat_id) and (one.sender_id is None or one.sender_id == one.chat_id or known(one.sender_id)):
            return True
        return utils.resolve_id(one.chat_id)[1] is types.PeerChannel


def _of(error: Exception) -> dict[str, str]:
    return {"fault": type(error).__name__}
