"""The lease: who may have connections, and until when."""

from __future__ import annotations

from listener.core.ownership.lease import LEASE_S, SILENCE_S, Lease
from listener.telegram.connection.guarded_connection import USER_TIMEOUT_MS
from tests.support.clock import FakeClock


class CountingConnection:
    """A connection that counts how often it was cut."""

    def __init__(self) -> None:
        self.cuts = 0

    def abort(self) -> None:
        self.cuts += 1


def test_no_lease_is_held_before_the_first_beat() -> None:
    """A worker that has not registered yet may have no connection."""
    assert not Lease(FakeClock()).held()


def test_the_lease_counts_from_before_the_beat_was_sent() -> None:
    """A beat that took long to be acknowledged extends only from its sending."""
    clock = FakeClock()
    lease = Lease(clock)
    sent_at = clock.boottime()
    clock.advance(5)
    lease.extend(sent_at)
    clock.advance(LEASE_S - 5 - 0.01)
    assert lease.held()
    clock.advance(0.02)
    assert not lease.held()


def test_an_acknowledgement_after_the_end_extends_nothing() -> None:
    """A lapse is final, even for a beat that was sent in time."""
    clock = FakeClock()
    lease = Lease(clock)
    lease.extend(clock.boottime())
    clock.advance(LEASE_S - 1)
    sent_at = clock.boottime()
    clock.advance(2)
    lease.extend(sent_at)
    assert not lease.held()
    assert lease.lapsed


def test_an_older_acknowledgement_never_shortens_the_lease() -> None:
    """Answers may come in another order than the beats were sent in."""
    clock = FakeClock()
    lease = Lease(clock)
    first = clock.boottime()
    clock.advance(3)
    lease.extend(clock.boottime())
    lease.extend(first)
    assert lease.remaining_s() == LEASE_S


def test_every_connection_is_cut_when_the_lease_ends() -> None:
    """Whoever asks first after the end cuts them all, those of released accounts too."""
    clock = FakeClock()
    lease = Lease(clock)
    lease.extend(clock.boottime())
    guards, wires = [lease.guard(), lease.guard()], [CountingConnection(), CountingConnection()]
    for guard, wire in zip(guards, wires, strict=True):
        guard.watch(wire)
    clock.advance(LEASE_S)
    assert not guards[0].held()
    assert [wire.cuts for wire in wires] == [1, 1]


def test_closing_one_guard_leaves_the_other_accounts_connected() -> None:
    """Letting one account go is no matter of the others."""
    clock = FakeClock()
    lease = Lease(clock)
    lease.extend(clock.boottime())
    one, other = lease.guard(), lease.guard()
    wire, kept = CountingConnection(), CountingConnection()
    one.watch(wire)
    other.watch(kept)
    one.close()
    assert (one.held(), other.held()) == (False, True)
    assert (wire.cuts, kept.cuts) == (1, 0)


def test_a_lapse_cannot_be_undone() -> None:
    """The id starts over under a new one instead."""
    clock = FakeClock()
    lease = Lease(clock)
    lease.extend(clock.boottime())
    lease.lapse()
    lease.extend(clock.boottime())
    assert not lease.held()


def test_the_lease_and_the_kernels_patience_end_before_a_peer_may_act() -> None:
    """What a fenced worker's kernel still retransmits must be over when a claim becomes possible."""
    assert LEASE_S + USER_TIMEOUT_MS / 1000 < SILENCE_S
