"""What was said, what arrived at the queue, and the verdict: every number once, in order, and no event id twice.

A sequence is one chat as one account sees it: numbers from 1, in the order in which they were said.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

_TEXT = re.compile(r"chat (\d+) no (\d+)")


class Sequence(NamedTuple):
    """A chat as one account sees it."""

    tenant_id: str
    chat: int


class Incident(NamedTuple):
    """Something that should not have been. `number` is the message's; seconds are those of the run."""

    kind: str
    sequence: Sequence
    number: int
    said_s: float
    seen_s: float | None


def text_of(chat: int, number: int) -> str:
    """Return what is written as a chat's message of that number."""
    return f"chat {chat} no {number}"


def read_text(text: str) -> tuple[int, int]:
    """Return chat and number of a text; ValueError where it is none of ours."""
    found = _TEXT.fullmatch(text)
    if found is None:
        raise ValueError("not a text of this run")
    return int(found[1]), int(found[2])


@dataclass
class MessageAudit:
    """Counts while the run goes on. What was said is told to it once the server has it, which may be after it was seen."""

    _said: dict[Sequence, dict[int, float]] = field(default_factory=dict)
    _seen: dict[Sequence, dict[int, float]] = field(default_factory=dict)
    _highest: dict[Sequence, int] = field(default_factory=dict)
    _ids: set[str] = field(default_factory=set)
    incidents: list[Incident] = field(default_factory=list)
    said: int = 0
    seen: int = 0
    """Different messages; a double is not counted."""

    def note_said(self, sequence: Sequence, number: int, at_s: float) -> None:
        """Note that a message is on its way to an account."""
        self._said.setdefault(sequence, {})[number] = at_s
        self.said += 1

    def note_seen(self, sequence: Sequence, number: int, event_id: str, at_s: float) -> None:
        """Note what the queue gave."""
        numbers = self._seen.setdefault(sequence, {})
        if number in numbers or event_id in self._ids:
            self._incident("doubled", sequence, number, at_s)
        elif number < self._highest.get(sequence, 0):
            self._incident("out of order", sequence, number, at_s)
        self._ids.add(event_id)
        self._highest[sequence] = max(number, self._highest.get(sequence, 0))
        if number not in numbers:
            numbers[number] = at_s
            self.seen += 1

    def has_seen(self, sequence: Sequence) -> bool:
        """Tell whether anything of a sequence has arrived."""
        return sequence in self._seen

    @property
    def complete(self) -> bool:
        """Whether everything said has arrived."""
        return self.waiting <= 0 and all(not self.missing(sequence) for sequence in self._said)

    @property
    def waiting(self) -> int:
        """How many have been said and not yet arrived, about: what is on its way from one to the other may be either."""
        return self.said - self.seen

    def missing(self, sequence: Sequence) -> list[int]:
        """Return the numbers of a sequence that have not arrived."""
        seen = self._seen.get(sequence, {})
        return [number for number in self._said.get(sequence, {}) if number not in seen]

    def close(self) -> None:
        """Give up waiting: what has not arrived is lost, and what arrived without having been said is a mistake of the run's."""
        for sequence, said in self._said.items():
            for number in self.missing(sequence):
                self._incident("lost", sequence, number, None)
            for number, at_s in self._seen.get(sequence, {}).items():
                if number not in said:
                    self._incident("never said", sequence, number, at_s)

    def verdict(self) -> dict[str, int]:
        """Return how many of each kind of incident there were."""
        kinds = Counter(one.kind for one in self.incidents)
        return {
            "lost": kinds["lost"],
            "doubled": kinds["doubled"],
            "out_of_order": kinds["out of order"],
            "never_said": kinds["never said"],
        }

    def _incident(self, kind: str, sequence: Sequence, number: int, seen_s: float | None) -> None:
        said_s = self._said.get(sequence, {}).get(number, seen_s or 0.0)
        self.incidents.append(Incident(kind, sequence, number, said_s, seen_s))
