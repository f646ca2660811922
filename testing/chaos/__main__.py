"""`make chaos`: workers are killed, frozen and cut off, Telegram and AWS fail, and nothing may be lost, doubled or out of order."""

from __future__ import annotations

import argparse
import sys

import uvloop

from local import emulator
from local.bootstrap import ROOT
from local.emulator_account import open_account
from local.stand_in_template import template
from testing.chaos.chaos_run import run
from testing.chaos.faults import KINDS
from testing.chaos.plan import KINDS as CHATS
from testing.chaos.plan import ChaosPlan

FOLDER = ROOT / "build" / "chaos"


def main() -> None:
    """Run, report, and exit with 1 where anything was not as it should be."""
    plan = _plan()
    template_ = template("local")
    with emulator.running(FOLDER.with_name("chaos-emulator"), enforce_roles=False, persist=False) as running:
        report = uvloop.run(run(plan, open_account(running, template_), lambda line: print(line, file=sys.stderr, flush=True)))
    report.write(ROOT / "build" / "chaos.json")
    print(report.text())
    sys.exit(0 if report.good else 1)


def _plan() -> ChaosPlan:
    parser = argparse.ArgumentParser(prog="python -m testing.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--accounts", type=int, default=60)
    parser.add_argument("--rate", type=float, default=100, help="messages delivered to accounts per second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=float, default=5, help="seconds between two faults, on average")
    parser.add_argument("--faults", default="all", help=f"all, none, all,-name,... or name,...: {', '.join(sorted(KINDS))}")
    parser.add_argument("--kinds", default=",".join(CHATS), help="kinds of chats")
    given = parser.parse_args()
    return ChaosPlan(
        FOLDER,
        _faults(given.faults),
        seconds=given.minutes * 60,
        workers=given.workers,
        accounts=given.accounts,
        rate=given.rate,
        seed=given.seed,
        fault_every_s=given.every,
        kinds=tuple(given.kinds.split(",")),
    )


def _faults(said: str) -> tuple[str, ...]:
    names = set(said.split(","))
    chosen = set(KINDS) if "all" in names else {name for name in names if not name.startswith("-")} - {"none"}
    chosen -= {name.removeprefix("-") for name in names if name.startswith("-")}
    if unknown := chosen - set(KINDS):
        raise SystemExit(f"no such fault: {', '.join(sorted(unknown))}")
    return tuple(sorted(chosen))


if __name__ == "__main__":
    main()
