"""Listeners come, go, die and freeze: the account is never on two connections, and nothing is lost or doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from local.bootstrap import ROOT
from local.child_process import bare_environment
from local.system import System
from tests.flows.customer import Customer, until

TAKEOVER_S = 25.0
DELIVERY_S = 8.0  # the emulator's mapping polls every few seconds


def no_duplicates(customer: Customer) -> bool:
    return int(customer.phones.counters()["auth_key_duplicated"]) == 0


def test_a_new_listener_takes_over_from_one_that_is_stopped(customer: Customer, system: System) -> None:
    """As in a deployment: the new one is there before the old one goes. What is written meanwhile arrives, once."""
    customer.log_in()
    customer.friend_writes("before")
    customer.got("before")
    (old,) = system.listeners
    system.start_listener()
    old.stop()
    system.listeners.remove(old)
    customer.friend_writes("meanwhile")
    customer.got("meanwhile")
    answer, _ = customer.send_when_possible("me", "from the new one")
    assert answer.status_code == 200
    assert customer.texts() == ["before", "meanwhile"]
    assert no_duplicates(customer)


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
def test_a_dead_or_frozen_listener_is_replaced_in_time(customer: Customer, system: System, fault: signal.Signals) -> None:
    """Killed, or frozen past its lease and woken up again: another one takes over within 25 s, and the old one sends nothing more."""
    customer.log_in()
    customer.friend_writes("before")
    customer.got("before")
    (old,) = system.listeners
    system.start_listener()
    os.kill(old.pid, fault)
    began = time.monotonic()
    try:
        customer.friend_writes("meanwhile")
        customer.got("meanwhile")
        took = time.monotonic() - began
        answer, _ = customer.send_when_possible("me", "from the other one")
        assert answer.status_code == 200, answer.text
    finally:
        if fault is signal.SIGSTOP:
            os.kill(old.pid, signal.SIGCONT)
    customer.friend_writes("after")
    customer.got("after")
    old.stop()
    system.listeners.remove(old)
    assert took < TAKEOVER_S + DELIVERY_S
    assert customer.texts() == ["before", "meanwhile", "after"]
    assert no_duplicates(customer)


def avio(system: System, *arguments: str) -> str:
    """Run the operators' command as a person would beside `make up`."""
    lines = (system.plan.state / "avio.env").read_text().splitlines()
    environment = bare_environment() | dict(line.split("=", 1) for line in lines)
    command = [sys.executable, "-m", "operators", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True, timeout=60).stdout


def live(system: System) -> list[str]:
    """Return the ids of live workers, as a person would see them."""
    return [line.split()[0] for line in avio(system, "workers").splitlines() if " live " in line]


def test_a_listener_drained_by_hand_ends_well_and_another_takes_its_place(customer: Customer, system: System) -> None:
    """It learns it with its next beat, hands over, and its process ends with 0: then a supervisor starts the next."""
    customer.log_in()
    until(lambda: len(live(system)) == 1)  # one whose stop took too long was killed, and is live until it is found silent
    (worker,) = live(system)
    assert "drains" in avio(system, "workers", "drain", worker)
    (old,) = system.listeners
    until(lambda: old.exit_code is not None)
    assert old.exit_code == 0
    assert [replaced for replaced, _ in system.replace_drained()] == [old]
    answer, _ = customer.send_when_possible("me", "from the next one")
    assert answer.status_code == 200
    customer.friend_writes("after")
    customer.got("after")
    assert no_duplicates(customer)
