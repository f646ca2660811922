"""Our message box hands on, once, the updates that Telethon's loses."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from logging import getLogger
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telethon._updates.entitycache import EntityCache
from telethon._updates.messagebox import ENTRY_ACCOUNT, ENTRY_SECRET, MessageBox, PrematureEndReason
from telethon._updates.messagebox import State as Entry
from telethon._updates.session import ChannelState, SessionState
from telethon.tl import types
from telethon.tl.functions.updates import GetChannelDifferenceRequest

from listener.telegram.updates.message_box import REFUSALS, SOON_S, LosslessMessageBox, has_account_state
from tests.support.virtual_time import run

DATE = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PTS, CHANNEL, CHANNEL_PTS = 100, 4000, 50


def box_of(kind: type[Any] = LosslessMessageBox, *, asking: Any = ENTRY_ACCOUNT) -> Any:
    """Return a box that knows the account and one channel, while a difference of `asking` is under way."""
    box = kind(getLogger("telethon"))
    box.map.update({ENTRY_ACCOUNT: Entry(PTS, 0), ENTRY_SECRET: Entry(1, 0), CHANNEL: Entry(CHANNEL_PTS, 0)})
    box.next_deadline = ENTRY_ACCOUNT
    box.getting_diff_for.add(asking)
    return box


def message(number: int, peer: Any = None) -> Any:
    return types.Message(id=number, peer_id=peer or types.PeerUser(7), date=DATE, message=f"message {number}")


def edit(pts: int) -> Any:
    return types.UpdateEditMessage(message(pts), pts, 1)


def deleted(pts: int, count: int = 1) -> Any:
    return types.UpdateDeleteMessages(list(range(count)), pts, count)


def read(pts: int) -> Any:
    return types.UpdateReadHistoryOutbox(types.PeerUser(7), 3, pts, 1)


def in_channel(pts: int, channel: int = CHANNEL) -> Any:
    return types.UpdateNewChannelMessage(message(pts, types.PeerChannel(channel)), pts, 1)


def edit_in_channel(pts: int, channel: int = CHANNEL) -> Any:
    return types.UpdateEditChannelMessage(message(pts, types.PeerChannel(channel)), pts, 1)


def state(pts: int) -> Any:
    return types.updates.State(pts, 1, DATE, 1, 0)


def difference(pts: int, new: list[Any], others: list[Any], *, last: bool = True) -> Any:
    parts: tuple[list[Any], ...] = (new, [], others, [], [])
    return types.updates.Difference(*parts, state(pts)) if last else types.updates.DifferenceSlice(*parts, state(pts))


def channel_difference(pts: int, new: list[Any], others: list[Any], *, final: bool = True) -> Any:
    return types.updates.ChannelDifference(pts, new, others, [], [], final=final)


def request() -> Any:
    return GetChannelDifferenceRequest(types.InputChannel(CHANNEL, 1), types.ChannelMessagesFilterEmpty(), CHANNEL_PTS, 100)


def handed_on(box: Any, diff: Any) -> list[Any]:
    updates, _, _ = box.apply_difference(diff, EntityCache())
    return list(updates)


def handed_on_of_channel(box: Any, diff: Any) -> list[Any]:
    updates, _, _ = box.apply_channel_difference(request(), diff, EntityCache())
    return list(updates)


def numbers(updates: list[Any]) -> list[int]:
    """Return the pts of updates; for a message of a difference, its id here.

    For a difference without other updates Telethon adds an empty wrapper of them, which makes no event.
    """
    return [update.pts or update.message.id for update in updates if not isinstance(update, types.Updates)]


@pytest.mark.parametrize("last", [True, False], ids=["difference", "slice"])
async def test_edits_deletions_and_reads_of_a_difference_are_handed_on(last: bool) -> None:
    """After its new messages. Telethon's own box hands on only the messages, while its pts moves past the rest."""
    others = [edit(PTS + 2), deleted(PTS + 3), read(PTS + 4)]
    diff = difference(PTS + 4, [message(PTS + 1)], others, last=last)
    theirs, ours = box_of(MessageBox), box_of()
    assert numbers(handed_on(theirs, diff)) == [PTS + 1]
    assert numbers(handed_on(ours, diff)) == [PTS + 1, PTS + 2, PTS + 3, PTS + 4]
    assert theirs.map[ENTRY_ACCOUNT].pts == ours.map[ENTRY_ACCOUNT].pts == PTS + 4


@pytest.mark.parametrize("final", [True, False])
async def test_edits_and_deletions_of_a_channels_difference_are_handed_on(final: bool) -> None:
    """Telethon's own box loses them too."""
    others = [edit_in_channel(CHANNEL_PTS + 2), types.UpdateDeleteChannelMessages(CHANNEL, [1], CHANNEL_PTS + 3, 1)]
    diff = channel_difference(CHANNEL_PTS + 3, [message(CHANNEL_PTS + 1, types.PeerChannel(CHANNEL))], others, final=final)
    theirs, ours = box_of(MessageBox, asking=CHANNEL), box_of(asking=CHANNEL)
    assert numbers(handed_on_of_channel(theirs, diff)) == [CHANNEL_PTS + 1]
    assert numbers(handed_on_of_channel(ours, diff)) == [CHANNEL_PTS + 1, CHANNEL_PTS + 2, CHANNEL_PTS + 3]
    assert ours.map[CHANNEL].pts == CHANNEL_PTS + 3


async def test_updates_of_a_difference_without_numbers_are_handed_on_once() -> None:
    """Telethon hands them on by itself."""
    name = types.UpdateUserName(7, "Bob", "", [])
    assert handed_on(box_of(), difference(PTS + 1, [], [name, edit(PTS + 1)])).count(name) == 1


async def test_what_telethon_passes_of_a_channels_difference_is_not_added_again() -> None:
    """A read, which counts for nothing, looks new if it stands where the difference ends."""
    read_there = types.UpdateReadChannelInbox(CHANNEL, 3, 0, CHANNEL_PTS + 1)
    diff = channel_difference(CHANNEL_PTS + 1, [], [edit_in_channel(CHANNEL_PTS + 1), read_there])
    assert read_there in handed_on_of_channel(box_of(MessageBox, asking=CHANNEL), diff)
    updates = handed_on_of_channel(box_of(asking=CHANNEL), diff)
    assert len(updates) == 2
    assert read_there in updates


@given(st.lists(st.sampled_from([edit, deleted, read]), max_size=12), st.integers(0, 4), st.booleans())
def test_nothing_of_a_difference_is_lost_or_handed_on_twice(kinds: list[Any], new: int, last: bool) -> None:
    """Every update once, and nothing again when it is pushed afterwards."""

    async def run() -> None:
        others = [kind(PTS + new + at) for at, kind in enumerate(kinds, 1)]
        messages = [message(PTS + at) for at in range(1, new + 1)]
        top = PTS + new + len(kinds)
        box = box_of()
        updates = handed_on(box, difference(top, messages, others, last=last))
        assert sorted(numbers(updates)) == list(range(PTS + 1, top + 1))
        again: list[Any] = []
        box.process_updates(types.Updates(others, [], [], DATE, 0), EntityCache(), again)
        assert numbers(again) == []

    with_loop(run)


@given(st.permutations(range(1, 7)), st.integers(0, 6))
def test_nothing_of_a_channels_difference_is_lost_or_handed_on_twice(order: list[int], new: int) -> None:
    """In any order of the server."""

    async def run() -> None:
        peer = types.PeerChannel(CHANNEL)
        messages = [message(CHANNEL_PTS + at, peer) for at in order if at <= new]
        others = [edit_in_channel(CHANNEL_PTS + at) for at in order if at > new]
        updates = handed_on_of_channel(box_of(asking=CHANNEL), channel_difference(CHANNEL_PTS + 6, messages, others))
        assert sorted(numbers(updates)) == list(range(CHANNEL_PTS + 1, CHANNEL_PTS + 7))

    with_loop(run)


ACTS = st.sampled_from(["push", "set", "empty", "part", "all", "too long", "refuse"])


@given(st.lists(st.tuples(ACTS, st.integers(CHANNEL, CHANNEL + 2), st.integers(1, 3)), max_size=15))
def test_the_box_remembers_each_channel_whose_pts_was_set(acts: list[tuple[str, int, int]]) -> None:
    """Whatever sets it: the update receiver reads no other channel."""

    async def run() -> None:
        box = box_of()
        box.getting_diff_for.clear()
        stood = {CHANNEL: CHANNEL_PTS}
        for act, channel, step in acts:
            pts = box.map[channel].pts if channel in box.map else CHANNEL_PTS
            match act:
                case "push":
                    box.process_updates(types.Updates([in_channel(pts + step, channel)], [], [], DATE, 0), EntityCache(), [])
                case "set":
                    box.try_set_channel_state(channel, pts + step)
                case _ if channel in box.map:
                    box.try_begin_get_diff(channel, "test")
                    _answer(box, act, channel, pts + step)
            now = {entry: state.pts for entry, state in box.map.items() if isinstance(entry, int)}
            assert {channel for channel in now if now[channel] != stood.get(channel)} <= box.moved
            if step == 1:
                box.moved, stood = set(), now

    with_loop(run)


def _answer(box: Any, act: str, channel: int, pts: int) -> None:
    """Make the box apply a channel's difference."""
    asked = GetChannelDifferenceRequest(types.InputChannel(channel, 1), types.ChannelMessagesFilterEmpty(), pts, 100)
    dialog = types.Dialog(types.PeerChannel(channel), 12, 0, 0, 0, 0, 0, 0, types.PeerNotifySettings(), pts=pts)
    answers = {
        "empty": types.updates.ChannelDifferenceEmpty(pts, final=True),
        "part": types.updates.ChannelDifference(pts, [], [], [], []),
        "all": types.updates.ChannelDifference(pts, [], [], [], [], final=True),
        "too long": types.updates.ChannelDifferenceTooLong(dialog, [], [], [], final=True),
    }
    if act in answers:
        box.apply_channel_difference(asked, answers[act], EntityCache())
    else:
        box.end_channel_difference(asked, PrematureEndReason.TEMPORARY_SERVER_ISSUES, EntityCache())


def with_loop(run: Any) -> None:
    """Run a property's example in its own loop, since hypothesis does not know asyncio."""
    asyncio.run(run())


async def test_channels_inside_an_accounts_difference_are_judged_by_their_own_pts() -> None:
    """The next update is taken; an old update and an update behind a gap are not, since the account's sequence does not contain them."""
    old, following = in_channel(CHANNEL_PTS), in_channel(CHANNEL_PTS + 1)
    box = box_of()
    assert handed_on(box, difference(PTS + 1, [], [old, following, edit(PTS + 1)]))[:1] == [following]
    assert box.map[CHANNEL].pts == CHANNEL_PTS + 1
    beyond = in_channel(CHANNEL_PTS + 5)
    box.getting_diff_for.add(ENTRY_ACCOUNT)
    assert handed_on(box, difference(PTS + 2, [], [beyond])) == []
    assert (box.map[CHANNEL].pts, list(box.possible_gaps)) == (CHANNEL_PTS + 1, [CHANNEL])


async def test_a_channel_that_an_accounts_difference_calls_too_long_is_asked_for() -> None:
    """By its own difference; `channelTooLong` itself is not handed on."""
    box = box_of()
    assert handed_on(box, difference(PTS + 1, [], [types.UpdateChannelTooLong(CHANNEL, CHANNEL_PTS + 9), edit(PTS + 1)]))[0].pts == PTS + 1
    assert box.getting_diff_for == {CHANNEL}


async def test_another_channels_updates_are_not_handed_on_unjudged() -> None:
    """A channel's difference covers only that channel."""
    box = box_of(asking=CHANNEL)
    box.map[4001] = Entry(9, 0)
    stale = edit_in_channel(5, 4001)
    assert handed_on_of_channel(box, channel_difference(CHANNEL_PTS + 1, [], [stale, edit_in_channel(CHANNEL_PTS + 1)])) != []
    assert box.map[4001].pts == 9


async def test_an_accounts_difference_that_is_too_long_is_noted_and_asked_for_from_there() -> None:
    """The next difference begins at Telegram's state; a second refusal from there ends it."""
    box = box_of()
    assert handed_on(box, types.updates.DifferenceTooLong(PTS + 500)) == []
    assert (box.account_gap, box.get_difference().pts) == (True, PTS + 500)
    assert handed_on(box, types.updates.DifferenceTooLong(PTS + 500)) == []
    assert box.get_difference() is None


async def test_channels_are_asked_about_soon_after_an_accounts_difference_was_too_long() -> None:
    """No difference names the channels with news then."""
    box = box_of()
    box.map[CHANNEL].deadline = 1e12
    handed_on(box, types.updates.DifferenceTooLong(PTS + 500))
    assert box.map[CHANNEL].deadline <= asyncio.get_running_loop().time() + SOON_S[1]


async def test_a_channels_difference_that_is_too_long_is_noted_and_not_asked_for_for_ever() -> None:
    """Telethon's box would repeat the request without end."""
    dialog = types.Dialog(types.PeerChannel(CHANNEL), 12, 1, 1, 0, 0, 0, 0, None, pts=900)
    diff = types.updates.ChannelDifferenceTooLong(dialog, [], [], [], final=True)
    cache = EntityCache({CHANNEL: (1, None)})
    theirs = box_of(MessageBox, asking=CHANNEL)
    handed_on_of_channel(theirs, diff)
    assert theirs.get_channel_difference(cache) is not None
    ours = box_of(asking=CHANNEL)
    assert handed_on_of_channel(ours, diff) == []
    assert (ours.channel_gaps, ours.map[CHANNEL].pts) == ({CHANNEL: 12}, 900)
    assert ours.get_channel_difference(cache) is None


async def test_a_channel_that_the_box_cannot_ask_about_is_noted() -> None:
    """Telethon's box ignores news of a channel without a state, and forgets the state of a channel without an access hash."""
    box = box_of(asking=CHANNEL)
    box.process_updates(types.Updates([types.UpdateChannelTooLong(4001)], [], [], DATE, 0), EntityCache(), [])
    assert box.get_channel_difference(EntityCache()) is None
    assert (box.unknown, box.map[CHANNEL].pts) == ({CHANNEL, 4001}, CHANNEL_PTS)
    assert box.getting_diff_for == set()


def spread_by(share: float) -> Any:
    return lambda low, high: low + (high - low) * share


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_every_channel_has_a_deadline_of_its_own(share: float) -> None:
    """At load and after each difference; Telethon's are all due at once, every 15 minutes."""
    run(lambda _: deadlines_of_their_own(share))


async def deadlines_of_their_own(share: float) -> None:
    box = LosslessMessageBox(getLogger("telethon"), spread=spread_by(share))
    box.load(SessionState(0, 0, False, PTS, 1, 0, 0, None), [ChannelState(CHANNEL, CHANNEL_PTS)])
    now = asyncio.get_running_loop().time()
    rests = {entry: state.deadline - now for entry, state in box.map.items()}
    account, channel = 720 + 180 * share, 3600 + 10800 * share
    assert rests == {ENTRY_ACCOUNT: account, ENTRY_SECRET: account, CHANNEL: channel}
    box.getting_diff_for |= {ENTRY_ACCOUNT, CHANNEL}
    handed_on(box, difference(PTS + 1, [], []))
    handed_on_of_channel(box, channel_difference(CHANNEL_PTS + 1, [], []))
    assert {entry: state.deadline - now for entry, state in box.map.items()} == rests
    assert box.next_deadline in (ENTRY_ACCOUNT, ENTRY_SECRET)


async def test_a_channels_difference_that_telegram_would_not_answer_is_asked_for_again_soon() -> None:
    """Within a minute, not after hours."""
    box = box_of(asking=CHANNEL)
    box.end_channel_difference(request(), PrematureEndReason.TEMPORARY_SERVER_ISSUES, EntityCache())
    assert box.map[CHANNEL].deadline <= asyncio.get_running_loop().time() + 4 * box.ask_again_s
    box.getting_diff_for.add(CHANNEL)
    box.end_channel_difference(request(), PrematureEndReason.BANNED, EntityCache())
    assert (CHANNEL in box.map, box.owes_channels) == (False, False)


async def test_a_channel_is_owed_until_it_was_asked_about() -> None:
    """While it has a gap, a pending or postponed difference, or no state; the account's own difference owes no channel."""
    box = box_of()
    assert not box.owes_channels
    handed_on(box, difference(PTS + 1, [], [in_channel(CHANNEL_PTS + 5)]))
    assert (list(box.possible_gaps), box.owes_channels) == ([CHANNEL], True)
    box.try_begin_get_diff(CHANNEL, "gap")
    assert box.owes_channels
    box.end_channel_difference(request(), PrematureEndReason.TEMPORARY_SERVER_ISSUES, EntityCache())
    assert (box.getting_diff_for, box.owes_channels) == (set(), True)
    box.getting_diff_for.add(CHANNEL)
    handed_on_of_channel(box, channel_difference(CHANNEL_PTS + 5, [], []))
    assert not box.owes_channels
    box.process_updates(types.Updates([types.UpdateChannelTooLong(CHANNEL + 1)], [], [], DATE, 0), EntityCache(), [])
    assert (box.unknown, box.owes_channels) == ({CHANNEL + 1}, True)


def test_a_channel_that_telegram_goes_on_refusing_is_asked_for_more_rarely_and_owed_no_more() -> None:
    """Otherwise the date would never move on, and hundreds of such channels would delay pushes."""
    run(lambda _: refused_again_and_again())


async def refused_again_and_again() -> None:
    box = LosslessMessageBox(getLogger("telethon"), spread=spread_by(0))
    box.load(SessionState(0, 0, False, PTS, 1, 0, 0, None), [ChannelState(CHANNEL, CHANNEL_PTS)])
    now = asyncio.get_running_loop().time()

    def refused() -> tuple[float, bool]:
        box.getting_diff_for.add(CHANNEL)
        box.end_channel_difference(request(), PrematureEndReason.TEMPORARY_SERVER_ISSUES, EntityCache())
        return box.map[CHANNEL].deadline - now, box.owes_channels

    found = [refused() for _ in range(REFUSALS + 2)]
    assert found == [(15 * 2 ** min(number, REFUSALS), number < REFUSALS - 1) for number in range(REFUSALS + 2)]
    box.getting_diff_for.add(CHANNEL)
    handed_on_of_channel(box, channel_difference(CHANNEL_PTS + 5, [], []))
    assert not box.owes_channels
    assert refused() == (15, True)


async def test_a_difference_that_telegram_would_not_answer_is_asked_for_again_soon() -> None:
    """Telethon's box waits for 15 minutes of silence, and nothing that was missed arrives until then."""
    theirs, ours = box_of(MessageBox), LosslessMessageBox(getLogger("telethon"), ask_again_s=0)
    ours.map[ENTRY_ACCOUNT] = Entry(PTS, 1e12)
    ours.map[CHANNEL] = Entry(CHANNEL_PTS, 1e12)
    ours.next_deadline = CHANNEL
    ours.getting_diff_for.add(ENTRY_ACCOUNT)
    for box in (theirs, ours):
        box.map.update({name: Entry(entry.pts, 1e12) for name, entry in box.map.items()})
        box.end_difference()
        box.check_deadlines()
    assert theirs.get_difference() is None
    assert ours.get_difference().pts == PTS
    assert ours.getting_diff_for == {ENTRY_ACCOUNT}


async def test_the_box_says_whether_it_has_fetched() -> None:
    """Each kind of difference counts, even an empty one; a push does not."""
    box = box_of()
    box.process_updates(types.Updates([in_channel(CHANNEL_PTS + 1)], [], [], DATE, 0), EntityCache(), [])
    assert not box.fetched
    handed_on(box, types.updates.DifferenceEmpty(DATE, 1))
    assert box.fetched
    box = box_of(asking=CHANNEL)
    handed_on_of_channel(box, types.updates.ChannelDifferenceEmpty(CHANNEL_PTS, final=True))
    assert box.fetched


async def test_an_own_send_through_this_connection_moves_the_state_alone() -> None:
    """Telethon treats the answer as an update; nothing of it is handed on."""
    box = box_of(asking=CHANNEL)
    box.getting_diff_for.clear()
    sent = types.UpdateShortSentMessage(5, PTS + 1, 1, DATE)
    sent._self_outgoing = True
    found: list[Any] = []
    box.process_updates(sent, EntityCache(), found)
    assert (found, box.map[ENTRY_ACCOUNT].pts) == ([], PTS + 1)


def test_a_fresh_box_has_no_account_state() -> None:
    """Until the account's state is known."""
    assert not has_account_state(LosslessMessageBox(getLogger("telethon")))
    assert has_account_state(box_of())
