"""What a worker measures: one line a minute for each channel, in CloudWatch's embedded metric format (EMF).

    account, ledger, channel --add--> ChannelMetrics --each minute--> one EMF line on stdout --log driver--> CloudWatch's metrics

CloudWatch reads such a line from the log by itself, so measuring costs no request. The dimensions are service and channel: every further
value of a dimension is a metric that is paid for, so tenants, workers and endpoints are in the log and not here.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TextIO

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from shared.clock import Clock
from shared.model.ids import Channel

NAMESPACE = "Avio"
SERVICE = "listener"
WRITE_EVERY_S = 60.0


@dataclass(slots=True)
class ChannelMetrics:
    """What happened to one channel's accounts at this worker since the last line. Whoever makes it happen adds to it.

    The fields are plain numbers: adding to one costs less than 100 ns. Add on the event loop alone; on a thread an addition may be lost.
    `connected` is how many accounts are connected now, and is not reset.
    """

    claims: int = 0
    lapses: int = 0
    keys_duplicated: int = 0
    connects: int = 0
    sends: int = 0
    events_queued: int = 0
    events_refused: int = 0
    flood_wait_s: float = 0.0
    connected: int = 0


@dataclass(frozen=True, slots=True)
class Holdings:
    """One channel's accounts at this worker, now. `serving`: those that are logged in, or not loaded yet. `ledger_depth`: events of all
    of them that the queue has not accepted yet.
    """

    accounts: int
    serving: int
    ledger_depth: int


COUNTED = {
    "claims": ("Claims", MetricUnit.Count),
    "lapses": ("Lapses", MetricUnit.Count),
    "keys_duplicated": ("KeysDuplicated", MetricUnit.Count),
    "connects": ("Connects", MetricUnit.Count),
    "sends": ("Sends", MetricUnit.Count),
    "events_queued": ("EventsQueued", MetricUnit.Count),
    "events_refused": ("EventsRefused", MetricUnit.Count),
    "flood_wait_s": ("FloodWait", MetricUnit.Seconds),
}
LEVELS = {"accounts": "AccountsHeld", "serving": "AccountsServed", "ledger_depth": "LedgerDepth"}
CONNECTED, DOWN = "AccountsConnected", "AccountsDown"


def no_metrics() -> Mapping[Channel, ChannelMetrics]:
    """Return each channel's metrics, all of them zero."""
    return defaultdict(ChannelMetrics)


class MetricsWriter:
    """Writes a process's lines. `held` returns what its present worker holds of a channel."""

    def __init__(
        self,
        metrics: Mapping[Channel, ChannelMetrics],
        channels: Collection[Channel],
        held: Callable[[Channel], Holdings],
        clock: Clock,
        stream: TextIO,
    ) -> None:
        self._metrics = metrics
        self._channels = channels
        self._held = held
        self._clock = clock
        self._stream = stream

    async def run(self) -> None:
        """Write every minute until cancelled, and then what has happened since."""
        try:
            while True:
                await asyncio.sleep(WRITE_EVERY_S)
                self.write()
        finally:
            self.write()

    def write(self) -> None:
        """Write a line for each channel, and begin to count anew. A stream that is broken must not end the accounts."""
        with contextlib.suppress(OSError):
            for channel in sorted(self._channels):
                self._stream.write(self._line(channel) + "\n")
            self._stream.flush()

    def _line(self, channel: Channel) -> str:
        emf = AmazonCloudWatchEMFProvider(namespace=NAMESPACE, dimension_set={"service": SERVICE, "channel": channel.value})
        emf.timestamp = round(self._clock.now().timestamp() * 1000)
        counted, held = self._metrics[channel], self._held(channel)
        for field, (name, unit) in COUNTED.items():
            emf.add_metric(name, unit, getattr(counted, field))
            setattr(counted, field, 0)
        for field, name in LEVELS.items():
            emf.add_metric(name, MetricUnit.Count, getattr(held, field))
        emf.add_metric(CONNECTED, MetricUnit.Count, counted.connected)
        emf.add_metric(DOWN, MetricUnit.Percent, _percent(held.serving - counted.connected, held.serving))
        return json.dumps(emf.serialize_metric_set(), separators=(",", ":"))


def _percent(part: int, whole: int) -> float:
    """Return a part in percent; 0 of nothing, and 0 where a part is still counted that has just left."""
    return 100 * max(part, 0) / whole if whole else 0.0
