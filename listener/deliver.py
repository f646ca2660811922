"""What the ledgers' writer does with a batch: keep the peers first, then queue the events.

In this order, so that a tenant who gets an event can answer it whatever dies: an event whose peers could not be kept counts as refused.
"""

from __future__ import annotations

from aws_lambda_powertools import Logger

from listener.ledger import Entry
from listener.offload import Offload
from shared.queues import EventsQueue, QueueUnavailable
from shared.store.peers import PeerStore
from shared.store.table import StoreUnavailable


class Deliver:
    """Keeps peers and queues events, on threads."""

    def __init__(self, queue: EventsQueue, peers: PeerStore, offload: Offload, logger: Logger) -> None:
        self._queue = queue
        self._peers = peers
        self._offload = offload
        self._logger = logger

    async def __call__(self, entries: list[Entry]) -> list[bool]:
        """Tell of each entry whether the queue has it."""
        try:
            kept, accepted = await self._offload(self._both, entries)
        except (QueueUnavailable, TimeoutError) as error:
            self._logger.warning("queue unavailable", extra={"fault": str(error) or "deadline"})
            return [False] * len(entries)
        if not all(accepted):
            self._logger.warning("events refused", extra={"refused": accepted.count(False), "sent": len(accepted)})
        for entry, well in zip(entries, kept, strict=True):
            if well:
                entry.ledger.kept(entry.peers)
        return accepted

    def _both(self, entries: list[Entry]) -> tuple[list[bool], list[bool]]:
        kept = [self._keep(entry) for entry in entries]
        sending = [entry.event for entry, well in zip(entries, kept, strict=True) if well]
        accepted = iter(self._queue.send(sending) if sending else [])
        return kept, [well and next(accepted) for well in kept]

    def _keep(self, entry: Entry) -> bool:
        try:
            for peer in entry.peers:
                self._peers.put(entry.event.tenant_id, entry.event.channel, peer)
        except StoreUnavailable:
            return False
        return True
