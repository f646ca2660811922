"""A row of the table: a measurement, its baseline, and its goal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Goal:
    """A bound on a row's `value` or on its `ratio`."""

    of: Literal["value", "ratio"]
    sign: Literal["<=", ">="]
    bound: float

    def __str__(self) -> str:
        return f"{self.of} {self.sign} {self.bound:g}"


@dataclass(frozen=True)
class Row:
    """A median of several rounds. `ratio` is to `against`, measured in the same rounds."""

    name: str
    value: float
    unit: str
    ratio: float | None = None
    against: str | None = None
    goal: Goal | None = None

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without one."""
        if self.goal is None:
            return None
        got = self.value if self.goal.of == "value" else self.ratio
        if got is None:
            return False
        return got <= self.goal.bound if self.goal.sign == "<=" else got >= self.goal.bound

    def to_json(self) -> dict[str, Any]:
        """Return the row as build/bench.json holds it."""
        return {
            "name": self.name,
            "value": round(self.value, 3),
            "unit": self.unit,
            "ratio": None if self.ratio is None else round(self.ratio, 3),
            "against": self.against,
            "goal": self.goal and str(self.goal),
            "met": self.met,
        }


def table(rows: list[Row]) -> str:
    """Return the rows as text for a terminal."""
    head = ("row", "value", "", "ratio", "against", "goal", "")
    lines = [head, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    right = {1, 3}
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _cells(row: Row) -> tuple[str, ...]:
    verdict = {True: "met", False: "MISSED", None: ""}[row.met]
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    value = f"{row.value:.0f}" if row.value >= 1000 or row.value == int(row.value) else f"{row.value:.2f}"
    return (row.name, value, row.unit, ratio, row.against or "", str(row.goal or ""), verdict)
