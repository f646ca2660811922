"""Each part is killed in turn: it is started again, and the main job goes on with nothing lost."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from local.restarts import SupervisedProcess
from local.system import System, SystemPlan
from tests.flows.customer import customer_of, until


def _dies_and_runs_again(system: System, part: SupervisedProcess) -> None:
    """Kill a part, and look after the system as `make up` does until it runs again."""
    said = list[str]()
    os.kill(part.pid, signal.SIGKILL)

    def runs_again() -> bool:
        system.look(said.append)
        return f"{part.name} runs again" in said

    until(runs_again)
    assert said[0].startswith(f"{part.name} ended (killed by signal 9); starting it again in 1 s. Its log: ")
    assert system.stopped == []


def test_every_part_may_die(tmp_path: Path) -> None:
    """What is written while a part is dead arrives; what was sent before is not forgotten; the account is not logged out."""
    settings = {"ADMIN_TOKEN": "admin-token-of-the-tests"}
    with System(SystemPlan(tmp_path, settings=settings)) as system, customer_of(system) as customer:
        customer.log_in()
        emulator, telegram, listener = system.parts
        for part in (listener, telegram, emulator):
            if part is not telegram:
                customer.friend_writes(f"before {part.name}")
            _dies_and_runs_again(system, part)
            customer.friend_writes(f"after {part.name}")
            customer.got(f"after {part.name}")
            answer, _ = customer.send_when_possible("me", f"{part.name} was dead")
            assert answer.status_code == 200, answer.text
        firsts = list(dict.fromkeys(customer.texts()))
        assert firsts == [
            f"before {listener.name}",
            f"after {listener.name}",
            f"after {telegram.name}",
            f"before {emulator.name}",
            f"after {emulator.name}",
        ]
        assert customer.call("GET", "/status").json()["authorized"]
        assert customer.phones.counters()["auth_key_duplicated"] == 0
