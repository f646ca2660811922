"""What each worker's process uses, over time: a leak shows as growth with messages or accounts handled. Linux only; elsewhere nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from testing.chaos.fault_log import FaultLog
from testing.chaos.message_audit import MessageAudit
from testing.chaos.worker_slot import WorkerSlot

EVERY_S = 30.0


@dataclass(frozen=True)
class Sample:
    """One process at one moment; `messages` are those of all workers so far."""

    at_s: float
    process: str
    rss_mb: float
    threads: int
    files: int
    messages: int


class MemoryUsage:
    """All samples, oldest first."""

    def __init__(self, slots: list[WorkerSlot], audit: MessageAudit, fault_log: FaultLog) -> None:
        self._places, self._tally, self._journal = slots, audit, fault_log
        self.samples: list[Sample] = []

    async def watch(self) -> None:
        """Look every half minute until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(EVERY_S)  # the interval

    def look(self) -> None:
        """Look at every worker now."""
        for slot in self._places:
            if slot.current and (found := _read(slot.current.process.pid)):
                self.samples.append(Sample(round(self._journal.now, 1), slot.current.process.name, *found, self._tally.seen))

    def lines(self) -> list[str]:
        """Return start, middle and end of every process that was looked at three times or more."""
        lines = []
        for name in dict.fromkeys(sample.process for sample in self.samples):
            own = [sample for sample in self.samples if sample.process == name]
            if len(own) >= 3:
                three = (own[0], own[len(own) // 2], own[-1])
                lines.append(
                    f"{name}: " + " -> ".join(f"{one.rss_mb:.0f} MB at {one.messages} messages ({one.files} files)" for one in three)
                )
        return lines


def _read(pid: int) -> tuple[float, int, int] | None:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        files = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return None
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return (int(fields["VmRSS"].split()[0]) / 1024, int(fields["Threads"]), files) if "VmRSS" in fields else None
