"""From a batch of updates to the ledger: map them, complete what short updates leave out, append events and update state together.

What the account sent through us is no event: its caller knows. Neither is what the tenant has not chosen.
An update that our own mapping fails on is skipped, with its update state, and logged by type and ids, never by content.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from telethon import errors, utils
from telethon.tl import functions, types

from listener.telegram.updates.event_draft import DraftContext, EventDraft
from listener.telegram.updates.event_mapping import MappedMessage, draft_of
from shared.model.event_kinds import EventKind
from shared.model.ids import TenantId

if TYPE_CHECKING:
    from listener.core.event_choice import EventChoice
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
        choice: EventChoice,
    ) -> None:
        self._tenant_id = tenant_id
        self._self_id = self_id
        self._peers = peers
        self._recent_sends = recent_sends
        self._ledger = ledger
        self._now = now
        self._choice = choice
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
        read = filter(None, map(self._read, batch.updates))
        found = [draft for draft in read if not self._sent_by_us(draft) and await self._choice.wants(draft.kind)]
        await self._complete(invoke, [draft for draft in found if isinstance(draft, MappedMessage)])
        context = DraftContext(self._tenant_id, self._self_id, self._peers, self._now(), batch.fetched)
        events = [event for draft in found if (event := self._event(draft, context))]
        if events:
            self.last_event_at = context.received_at
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

    def _read(self, update: Any) -> EventDraft | None:
        try:
            return draft_of(update, self._self_id)
        except Exception as error:  # the edge of a batch
            message = getattr(update, "message", None)
            peer, number = type(getattr(message, "peer_id", None)).__name__, getattr(message, "id", getattr(update, "id", None))
            _log.warning("update not understood", extra={"update": type(update).__name__, "peer": peer, "message_id": number, **_of(error)})
            return None

    def _sent_by_us(self, draft: EventDraft) -> bool:
        if draft.kind != EventKind.MESSAGE_SENT or draft.message is None or draft.chat_id is None:
            return False
        return self._recent_sends.is_known(draft.chat_id, draft.message[0])

    def _event(self, draft: EventDraft, context: DraftContext) -> tuple[Event, tuple[Peer, ...]] | None:
        try:
            event = draft.event(context)
            return event, self._peers.unsaved(draft.chat_id, draft.sender_id, draft.message)
        except Exception as error:  # the edge of a batch
            message_id = draft.message[0] if draft.message else None
            extra = {"kind": draft.kind, "chat_id": draft.chat_id, "message_id": message_id, **_of(error)}
            _log.warning("event not understood", extra=extra)
            return None

    async def _complete(self, invoke: Invoke, found: list[MappedMessage]) -> None:
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

    def _knows(self, message: MappedMessage) -> bool:
        """Tell whether there is nothing to ask. In a channel `messages.getMessages` would read another message by this id."""
        known = self._peers.known
        named = (None, message.chat_id, self._self_id)
        if known(message.chat_id) and (message.sender_id in named or known(message.sender_id)):
            return True
        return utils.resolve_id(message.chat_id)[1] is types.PeerChannel


def _of(error: Exception) -> dict[str, str]:
    return {"fault": type(error).__name__}
