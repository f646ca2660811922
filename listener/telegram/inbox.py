"""From a batch of updates to the ledger: map, complete what short updates leave out, append events and marks together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from telethon import errors, utils
from telethon.tl import functions, types

from listener.telegram.events import Happened, happened
from shared.model.ids import TenantId

if TYPE_CHECKING:
    from listener.ledger import Ledger
    from listener.telegram.client import Batch, Client
    from listener.telegram.peers import PeerBook


class Inbox:
    """Takes one account's batches."""

    def __init__(self, tenant_id: TenantId, self_id: int, peers: PeerBook, ledger: Ledger, now: Callable[[], datetime]) -> None:
        self._tenant_id = tenant_id
        self._self_id = self_id
        self._peers = peers
        self._ledger = ledger
        self._now = now
        self.last_event_at: datetime | None = None

    async def take(self, client: Client, batch: Batch) -> bool:
        """Append a batch's events and marks to the ledger; False where it has no room, and then nothing was taken."""
        self._peers.learn([*batch.users, *batch.chats])
        if batch.marks is None:
            return True
        found = [one for one in map(happened, batch.updates) if one and one.sender_id != self._self_id]  # Saved Messages are not `out`
        await self._complete(client, found)
        now = self._now()
        events = [
            (
                one.event(self._tenant_id, self._self_id, self._peers, now, backfilled=batch.fetched),
                self._peers.unkept(one.chat_id, one.sender_id, (one.message_id, one.date)),
            )
            for one in found
        ]
        if events:
            self.last_event_at = now
        return self._ledger.append(events, batch.marks)

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
        self._peers.learn([*answer.users, *answer.chats])

    def _knows(self, one: Happened) -> bool:
        """Tell whether there is nothing to ask: in a channel `messages.getMessages` would mean another message by this id."""
        needed = [peer_id for peer_id in (one.chat_id, one.sender_id) if peer_id is not None]
        return utils.resolve_id(one.chat_id)[1] is types.PeerChannel or all(map(self._peers.known, needed))
