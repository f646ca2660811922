"""What a run found: for people, and as build/chaos.json."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from testing.chaos.fault_log import FaultLog
from testing.chaos.memory_usage import MemoryUsage
from testing.chaos.message_audit import Incident, MessageAudit, Sequence
from testing.chaos.plan import ChaosPlan
from testing.chaos.population import Population
from testing.chaos.sends import SendVerdict
from testing.chaos.takeover import Takeovers
from testing.chaos.worker_slot import WorkerSlot

SHOWN = 20
AROUND_S = (10.0, 60.0)
"""Faults told with an incident: in force up to so long before it was said, and until so long after."""


@dataclass(frozen=True)
class Report:
    """Everything that a run found."""

    plan: ChaosPlan
    population: Population
    audit: MessageAudit
    sends: SendVerdict
    takeovers: Takeovers
    fault_log: FaultLog
    memory: MemoryUsage
    slots: list[WorkerSlot]
    keys_duplicated: int
    unreadable: int
    not_authorized: list[str]
    took_s: float

    @property
    def good(self) -> bool:
        """Whether nothing was lost, doubled, out of order or duplicated."""
        names = (
            "lost",
            "doubled",
            "out_of_order",
            "never_said",
            "unreadable",
            "key_duplicated",
            "sent_lost",
            "sent_doubled",
            "sent_refused",
        )
        figures = self.figures()
        return not any(figures[name] for name in names) and not self.not_authorized and bool(self.audit.seen)

    def figures(self) -> dict[str, Any]:
        """Return the figures of build/chaos.json."""
        faults = Counter(entry.name for entry in self.fault_log.entries)
        return {
            **self.audit.verdict(),
            "unreadable": self.unreadable,
            "key_duplicated": self.keys_duplicated,
            "accounts_lost": self.not_authorized,
            "sends": self.sends.sends,
            "sent_lost": len(self.sends.sent_lost),
            "sent_doubled": len(self.sends.sent_doubled),
            "sent_refused": dict(self.sends.refused),
            "messages": self.audit.seen,
            "faults": sum(faults.values()),
            "faults_by_name": dict(sorted(faults.items())),
            "takeover_s": self.takeovers.figures(),
            "seconds": round(self.took_s, 1),
            "rate": round(self.audit.seen / self.plan.seconds, 1),
            "workers": self.plan.workers,
            "accounts": self.plan.accounts,
            "kinds": list(self.plan.kinds),
            "seed": self.plan.seed,
            "aws_calls": dict(sum((proxy.calls for slot in self.slots for proxy in slot.aws.values()), Counter[str]())),
            "memory": [asdict(sample) for sample in self.memory.samples],
        }

    def write(self, file: Path) -> None:
        """Write the figures, and beside the logs everything that is needed to look for the cause."""
        file.write_text(json.dumps(self.figures(), indent=1) + "\n")
        details = {
            "incidents": [self._incident(one) for one in self.audit.incidents],
            "sends": {
                kind: [asdict(one) for one in found]
                for kind, found in (("lost", self.sends.sent_lost), ("doubled", self.sends.sent_doubled))
            },
            "journal": self.fault_log.as_json(),
            "takeovers": [{"fault": asdict(one.entry), "took_s": one.took_s, "never": sorted(one.waiting)} for one in self.takeovers.all],
        }
        (self.plan.folder / "details.json").write_text(json.dumps(details, indent=1) + "\n")

    def text(self) -> str:
        """Return what a person reads at the end."""
        plan, found = self.plan, self.figures()
        takeover, calm = found["takeover_s"], found["takeover_s"]["undisturbed"]
        lines = [
            f"{found['messages']} messages reached {plan.accounts} accounts on {plan.workers} workers in {plan.seconds:.0f} s,"
            f" {found['rate']}/s (one to a group counts once for each account in it)",
            f"through {found['faults']} faults (seed {plan.seed})",
            f"lost {found['lost']}, doubled {found['doubled']}, out of order {found['out_of_order']}, unreadable {found['unreadable']},"
            f" AUTH_KEY_DUPLICATED {found['key_duplicated']}",
            f"{found['sends']} sends from accounts: lost {found['sent_lost']}, doubled {found['sent_doubled']},"
            f" refused {found['sent_refused'] or 0}",
            f"takeover of {takeover['accounts']} accounts after {takeover['faults']} faults: half within {takeover['p50']} s,"
            f" all within {takeover['max']} s, never {takeover['never']}",
            f"of these undisturbed by another fault: {calm['accounts']} accounts, half within {calm['p50']} s, all within {calm['max']} s",
            *(f"not authorized at the end: {phone}" for phone in self.not_authorized),
            *self.memory.lines(),
            *self._worst(),
            "GOOD" if self.good else f"NOT GOOD: see {plan.folder / 'details.json'} and the logs beside it",
        ]
        return "\n" + "\n".join(f"  {line}" for line in lines)

    def _worst(self) -> list[str]:
        """Return one line per sequence that something is wrong with; what was in force around it is in the details."""
        found: dict[tuple[str, Sequence], list[Incident]] = {}
        for one in self.audit.incidents:
            found.setdefault((one.kind, one.sequence), []).append(one)
        lines = []
        for (kind, _), incidents in found.items():
            told = self._incident(incidents[0])
            numbers = ", ".join(str(one.number) for one in incidents[:SHOWN])
            said = f"said {incidents[0].said_s:.0f}-{incidents[-1].said_s:.0f} s"
            lines.append(f"{kind}: {told['kind']} chat {told['chat']} at {told['account']}: {len(incidents)}, {said}, no {numbers}")
        return lines[:SHOWN]

    def _incident(self, one: Incident) -> dict[str, Any]:
        participant = next(
            (participant for participant in self.population.participants if participant.tenant_id == one.sequence.tenant_id), None
        )
        chat = next((chat for chat in self.population.chats if chat.number == one.sequence.chat), None)
        before_s, after_s = AROUND_S
        around = FaultLog(self.fault_log.in_force(one.said_s - before_s, one.said_s + after_s))
        return {
            "what": one.kind,
            "kind": chat.kind if chat else "?",
            "chat": one.sequence.chat,
            "number": one.number,
            "account": participant.phone if participant else "?",
            "tenant_id": one.sequence.tenant_id,
            "said_s": round(one.said_s, 1),
            "seen_s": round(one.seen_s, 1) if one.seen_s is not None else None,
            "faults": around.as_json(),
        }
