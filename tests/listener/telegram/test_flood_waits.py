"""Flood waits are remembered until they end."""

from __future__ import annotations

import pytest
from telethon import errors
from telethon.tl import functions, types

from listener.telegram.requests.error_table import UNNAMED_WAIT_S
from listener.telegram.requests.errors import translate
from listener.telegram.requests.flood_waits import FloodWaits
from shared.errors import Code
from tests.listener.telegram.rpc_errors import telethon_error
from tests.support.clock import FakeClock

SEND = functions.messages.SendMessageRequest("me", "hello", random_id=1)
LOOK_UP = functions.contacts.ResolveUsernameRequest("bob")


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("FLOOD_WAIT_3", 3),
        ("FLOOD_WAIT_50000", 50000),
        ("FLOOD_PREMIUM_WAIT_9", 9),
        ("SOMETHING_NEW_WAIT_17", 17),
        ("FLOOD", UNNAMED_WAIT_S),
    ],
)
def test_a_wait_is_remembered_until_it_ends(name: str, seconds: int) -> None:
    """For each name of a wait: the seconds left are rounded up, and after them the method is free."""
    clock = FakeClock()
    waits = FloodWaits(clock.boottime)
    waits.note(SEND, telethon_error(420, name))
    clock.advance(1.5)
    with pytest.raises(errors.FloodWaitError) as refused:
        waits.check(SEND)
    told = translate(refused.value)
    assert (told.code, told.retry_after_s) == (Code.FLOOD_WAIT, seconds - 1)
    clock.advance(seconds - 1.5)
    waits.check(SEND)


def test_a_wait_is_its_methods_alone() -> None:
    """Another method may be called."""
    waits = FloodWaits(FakeClock().boottime)
    waits.note(SEND, telethon_error(420, "FLOOD_WAIT_3"))
    waits.check(LOOK_UP)


def test_slow_mode_is_its_chats_alone() -> None:
    """For everything that writes there, until it ends; reading, and other chats, go on."""
    clock = FakeClock()
    waits = FloodWaits(clock.boottime)
    slow, other = types.InputPeerChannel(5, 1), types.InputPeerChannel(6, 1)
    waits.note(functions.messages.SendMessageRequest(slow, "hello", random_id=1), telethon_error(420, "SLOWMODE_WAIT_9"))
    clock.advance(1.5)
    for request in (
        functions.messages.SendMessageRequest(slow, "another", random_id=2),
        functions.messages.ForwardMessagesRequest(other, [1], slow, random_id=[3]),
    ):
        with pytest.raises(errors.SlowModeWaitError) as refused:
            waits.check(request)
        told = translate(refused.value)
        assert (told.code, told.retry_after_s) == (Code.SLOW_MODE, 8)
    waits.check(functions.messages.SendMessageRequest(other, "hello", random_id=4))
    waits.check(functions.messages.ForwardMessagesRequest(slow, [1], other, random_id=[5]))
    waits.check(functions.messages.GetHistoryRequest(slow, 0, None, 0, 1, 0, 0, 0))
    clock.advance(7.5)
    waits.check(functions.messages.SendMessageRequest(slow, "hello", random_id=6))


@pytest.mark.parametrize(("code", "name"), [(420, "SLOWMODE_WAIT_9"), (400, "PEER_FLOOD"), (500, "INTERNAL")])
def test_other_refusals_are_not_remembered_as_waits(code: int, name: str) -> None:
    """Only supergroups have a slow mode; the others name no time."""
    waits = FloodWaits(FakeClock().boottime)
    waits.note(SEND, telethon_error(code, name))
    waits.note(SEND, ConnectionError())
    waits.note(SEND, None)
    waits.check(SEND)
