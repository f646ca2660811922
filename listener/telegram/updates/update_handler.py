"""From a batch of updates to the ledger: map them, complete what short updates leave out, append events and update state together.

An update that our own mapping fails on is skipped, with its update state, and logged by type and ids, never by content.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from telethon import errors, utils
from telethon.tl import functions, types

from listener.telegram.updates.event_mapping import IncomingMessage, incoming_message
from shared.model.ids import TenantId

if TYPE_CHECKING:
    from listener.core.event_ledger import Ledger
    from listener.telegram.peers.peer_cache import PeerCache
    from listener.telegram.requests.flood_waits import Invoke
    from listener.telegram.updates.batch import Batch
    from listener.telegram.updates.recent_sends import RecentSends
    from listener.telegram.updates.update_state import UpdateState
    from shared.model.event import Event
    from shared.store.peers import Peer

_log = logging.getLogger(__name__)


class UpdateHandler:
    """Takes one account's batches. `recent_sends` learns the message ids of own sends from them."""

    def __init__(
        self,
        tenant_id: TenantId,
        self_id: int,
        peers: PeerCache,
        recent_sends: RecentSends,
        ledger: Ledger[UpdateState],
        now: Callable[[], datetime],
    ) -> None:
        self._tenant_id = tenant_id
        self._self_id = self_id
        self._peers = peers
        self._recent_sends = recent_sends
        self._ledger = ledger
        self._now = now
        self.last_event_at: datetime | None = None

    async def take(self, batch: Batch, invoke: Invoke) -> bool:
        """Append a batch's events and update state to the ledger; False if it has no room, and then nothing was taken.

        If the batch says so, wait for room instead. `invoke` asks Telegram for unknown senders. What is not understood is logged and left
        out: the next connection would not understand it either.
        """
        self._recent_sends.learn(batch.updates)
        self._learn(batch.users, batch.chats)
        if batch.state is None:
            return True
        messages = map(self._read_message, batch.updates)
        found = [message for message in messages if message and message.sender_id != self._self_id]  # Saved Messages are not `out`
        await self._complete(invoke, found)
        now = self._now()
        events = [event for message in found if (event := self._event(message, now, backfilled=batch.fetched))]
        if events:
            self.last_event_at = now
        while not self._ledger.append(events, batch.state):
            if not batch.wait_for_room:
                return False
            await self._ledger.room()
        return True

    def _learn(self, users: list[Any], chats: list[Any]) -> None:
        try:
            self._peers.learn([*users, *chats])
        except Exception as error:  # the edge of a batch
            _log.warning("peers not understood", extra={"fault": type(error).__name__})

    def _read_message(self, update: Any) -> IncomingMessage | None:
        try:
            return incoming_message(update)
        except Exception as error:  # the edge of a batch
            message = getattr(update, "message", None)
            peer, number = type(getattr(message, "peer_id", None)).__name__, getattr(message, "id", getattr(update, "id", None))
            _log.warning("update not understood", extra={"update": type(update).__name__, "peer": peer, "message_id": number, **_of(error)})
            return None

    def _event(self, message: IncomingMessage, now: datetime, *, backfilled: bool) -> tuple[Event, tuple[Peer, ...]] | None:
        try:
            event = message.event(self._tenant_id, self._self_id, self._peers, now, backfilled=backfilled)
            return event, self._peers.unsaved(message.chat_id, message.sender_id, (message.message_id, message.date))
        except Exception as error:  # the edge of a batch
            _log.warning("message not understood", extra={"chat_id": message.chat_id, "message_id": message.message_id, **_of(error)})
            return None

    async def _complete(self, invoke: Invoke, found: list[IncomingMessage]) -> None:
        """Ask Telegram for senders that we no longer know: short updates contain only their ids, as if we knew them.

        The answer to `messages.getMessages` contains the whole users. If it fails, the event has no sender name.
        """
        unknown = [message.message_id for message in found if not self._knows(message)]
        if not unknown:
            return
        try:
            answer = await invoke(functions.messages.GetMessagesRequest([types.InputMessageID(number) for number in unknown[:100]]))
        except (errors.RPCError, OSError, TimeoutError):
            return
        self._learn(answer.users, answer.chats)

    def _knows(self, message: IncomingMessage) -> bool:
        """Tell whether there is nothing to ask. In a channel `messages.getMessages` would read another message by this id."""
        known = self._peers.known
        if known(message.chat_id) and (message.sender_id is None or message.sender_id == message.chat_id or known(message.sender_id)):
            return True
        return utils.resolve_id(message.chat_id)[1] is types.PeerChannel


def _of(error: Exception) -> dict[str, str]:
    return {"fault": type(error).__name__}
