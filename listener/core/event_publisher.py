"""What the ledgers' writer does with a batch: keep the peers first, then queue the events.

In this order, so that a tenant who gets an event can answer it whatever dies: an event whose peers could not be kept counts as refused.

    peers not kept yet   whole: one request for all of a batch      `min`: one each, side by side, since they are conditional
    events               those whose peers are kept, in one request
Where all peers are known, which is nearly always, the first line costs nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from aws_lambda_powertools import Logger

from listener.core.event_ledger import LedgerEntry
from listener.core.runtime.offload import Offload
from listener.core.sqs_sender import Queue
from shared.model.ids import Channel, TenantId
from shared.queues import QueueUnavailable
from shared.store.peers import Met, Peer, PeerStore
from shared.store.table import StoreUnavailable

_Name = tuple[TenantId, Channel, int | str]


class EventPublisher:
    """Keeps peers, on threads, and queues events."""

    def __init__(self, queue: Queue, peers: PeerStore, offload: Offload, logger: Logger) -> None:
        self._queue = queue
        self._peers = peers
        self._offload = offload
        self._logger = logger

    async def __call__(self, entries: list[LedgerEntry]) -> list[bool]:
        """Tell of each entry whether the queue has it."""
        kept = await self._keep(entries)
        accepted = await self._send([entry for entry, well in zip(entries, kept, strict=True) if well])
        if not all(kept) or not all(accepted):
            refused = len(entries) - sum(accepted)
            self._logger.warning("events refused", extra={"refused": refused, "without_peers": kept.count(False), "sent": len(accepted)})
        answers = iter(accepted)
        return [well and next(answers) for well in kept]

    async def _keep(self, entries: list[LedgerEntry]) -> list[bool]:
        """Tell of each entry whether all its peers are kept."""
        if not any(entry.peers for entry in entries):
            return [True] * len(entries)
        wanted = [
            [Met(entry.event.tenant_id, entry.event.channel, peer) for peer in entry.ledger.missing(entry.peers)] for entry in entries
        ]
        refused = await self._put(_each_once(one for ones in wanted for one in ones))
        kept = [not any(_name(one) in refused for one in ones) for ones in wanted]
        for entry, ones, well in zip(entries, wanted, kept, strict=True):
            if well and ones:
                entry.ledger.kept(tuple(one.peer for one in ones))
        return kept

    async def _put(self, met: list[Met]) -> set[_Name]:
        """Keep peers; return those that could not be kept."""
        whole = [one for one in met if one.peer.whole]
        by_itself = [self._put_min(one) for one in met if not one.peer.whole]
        together = [self._put_whole(whole)] if whole else []
        return set().union(*await asyncio.gather(*together, *by_itself)) if met else set()

    async def _put_whole(self, met: list[Met]) -> set[_Name]:
        try:
            return {_name(one) for one in await self._offload(self._peers.put_whole, met)}
        except (StoreUnavailable, TimeoutError):
            return {_name(one) for one in met}

    async def _put_min(self, met: Met) -> set[_Name]:
        try:
            await self._offload(self._peers.put, met.tenant_id, met.channel, met.peer)
        except (StoreUnavailable, TimeoutError):
            return {_name(met)}
        return set()

    async def _send(self, entries: list[LedgerEntry]) -> list[bool]:
        if not entries:
            return []
        try:
            return await self._queue.send([entry.event for entry in entries])
        except (QueueUnavailable, TimeoutError) as error:
            self._logger.warning("queue unavailable", extra={"fault": str(error) or "deadline"})
            return [False] * len(entries)


def _name(met: Met) -> _Name:
    return met.tenant_id, met.channel, met.peer.id


def _each_once(met: Iterable[Met]) -> list[Met]:
    """Return each peer once, as it came last; DynamoDB refuses a request that names one twice. A `min` one never stands for a whole one."""
    found: dict[_Name, Met] = {}
    for one in met:
        before: Peer | None = found[_name(one)].peer if _name(one) in found else None
        if before is None or one.peer.whole or not before.whole:
            found[_name(one)] = one
    return list(found.values())
