"""Listeners come, go, die and freeze: the account is never on two connections, and nothing is lost or doubled."""

from __future__ import annotations

import os
import signal
import time

import pytest

from local.system import System
from tests.flows.customer import Customer

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
