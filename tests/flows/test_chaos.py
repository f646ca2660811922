"""A small run of `make chaos`: real workers, killed and cut off, and everything arrives once and in order."""

from __future__ import annotations

from pathlib import Path

from local.emulator_account import EmulatorAccount
from testing.chaos.chaos_run import run
from testing.chaos.plan import ChaosPlan

SCRIPT = ((0.5, "kill"), (3.0, "sqs-away"), (8.0, "server-restart"), (14.0, "telegram-silent"))


async def test_nothing_is_lost_doubled_or_out_of_order(account: EmulatorAccount, tmp_path: Path) -> None:
    """One worker killed, one cut off from SQS and then from Telegram, the server restarted: each message is queued once, in order, each
    send arrives once, no key is duplicated, and every account of the killed worker is served again.
    """
    faults = tuple(name for _, name in SCRIPT)
    plan = ChaosPlan(tmp_path / "chaos", faults, seconds=22, workers=2, accounts=6, rate=20, sends=2, script=SCRIPT, settle_s=60)
    said: list[str] = []
    report = await run(plan, account, said.append)
    figures = report.figures()
    assert report.good, report.text()
    assert figures["messages"] > 100
    assert figures["sends"] > 10
    assert figures["faults_by_name"] == {name: 1 for _, name in SCRIPT}
    assert (figures["takeover_s"]["faults"], figures["takeover_s"]["accounts"], figures["takeover_s"]["never"]) == (1, 3, 0)
