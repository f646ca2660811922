"""The peers of an account."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telethon.tl import types

from listener.telegram.peers.peer_cache import KNOWN, KnownPeer, PeerCache, input_of
from listener.telegram.peers.saved_peers import SLOTS
from shared.store.peers import Peer
from tests.support.clock import FakeClock

BOB, GROUP, CHANNEL, MARKED_CHANNEL = 77, 300, 4000, -1000000004000
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Shelf:
    """What was kept of peers, and how often it was asked."""

    def __init__(self, *peers: Peer) -> None:
        self.peers = {peer.id: peer for peer in peers}
        self.asked: list[int] = []

    async def load(self, peer_id: int) -> Peer | None:
        self.asked.append(peer_id)
        return self.peers.get(peer_id)


def book(*entities: Any, shelf: Shelf | None = None, known: int = 100) -> PeerCache:
    peers = PeerCache((shelf or Shelf()).load, known)
    peers.learn(entities)
    return peers


def known_of(peers: PeerCache, peer_id: int) -> KnownPeer:
    known = peers.known(peer_id)
    assert known is not None
    return known


def user(user_id: int = BOB, **fields: Any) -> Any:
    return types.User(**{"id": user_id, "access_hash": user_id * 10, "first_name": "Bob", **fields})


def group() -> Any:
    date = datetime(2026, 3, 1, tzinfo=UTC)
    return types.Chat(id=GROUP, title="Club", photo=types.ChatPhotoEmpty(), participants_count=2, date=date, version=1)


def channel(**fields: Any) -> Any:
    date = datetime(2026, 3, 1, tzinfo=UTC)
    given_fields = {"id": CHANNEL, "title": "News", "photo": types.ChatPhotoEmpty(), "date": date, "access_hash": 9}
    return types.Channel(**{**given_fields, **fields})


def test_what_telegram_sends_of_a_user_is_learnt() -> None:
    """Name, username and phone, and the account's own hash to them."""
    known = book(user(last_name="Ray", username="bob_ray", phone="15550100002")).known(BOB)
    assert known is not None
    assert (known.name, known.chat_type) == ("Bob Ray", "private")
    assert known.peer == Peer(id=BOB, kind="user", access_hash=770, username="bob_ray", phone="+15550100002")


def test_of_several_usernames_the_first_in_use_counts() -> None:
    """Telegram leaves the one field empty where there are several."""
    several = [types.Username("sold", active=False), types.Username("bob_ray", active=True), types.Username("bob", active=True)]
    known = book(user(usernames=several)).by_username("bob_ray")
    assert known is not None
    assert known.peer.id == BOB


def test_groups_and_channels_are_known_by_their_marked_ids() -> None:
    """As events name them."""
    peers = book(group(), channel(username="news"), types.UserEmpty(1), types.ChatForbidden(2, ""))
    chats = [(known.peer.kind, known.name, known.chat_type) for known in map(peers.known, (-GROUP, MARKED_CHANNEL)) if known]
    assert chats == [("chat", "Club", "group"), ("channel", "News", "channel")]
    assert peers.known(1) is None


def test_a_min_user_never_replaces_a_whole_one() -> None:
    """It has no usable hash; what is known stays."""
    peers = book(user(username="bob_ray"), user(min=True, access_hash=1, first_name="B."))
    known = peers.known(BOB)
    assert known is not None
    assert (known.peer.access_hash, known.name) == (770, "Bob")


def test_a_whole_user_replaces_a_min_one() -> None:
    """And an older whole one."""
    peers = book(user(min=True, access_hash=1), user(first_name="Bobby"))
    known = peers.known(BOB)
    assert known is not None
    assert (known.peer.access_hash, known.name) == (770, "Bobby")


def test_a_min_channel_is_not_learnt() -> None:
    """Its hash opens nothing."""
    assert book(channel(min=True), channel(access_hash=None)).known(MARKED_CHANNEL) is None


@given(st.lists(st.tuples(st.integers(1, 30), st.booleans()), max_size=60), st.integers(1, 10))
def test_memory_is_bounded_and_the_least_recently_used_goes_first(steps: list[tuple[int, bool]], bound: int) -> None:
    """Against a plain list: what was learnt or looked up last is there, and no more than the bound."""
    peers, order = book(known=bound), list[int]()
    for number, learning in steps:
        if learning:
            peers.learn([user(number)])
        elif peers.known(number) is None:
            continue
        order = [*(one for one in order if one != number), number][-bound:]
    assert [number for number in range(1, 31) if number in order] == [number for number in range(1, 31) if peers.known(number)]


def test_usernames_are_found_in_any_case() -> None:
    """As Telegram takes them."""
    known = book(user(username="Bob_Ray")).by_username("bOB_rAY")
    assert known is not None
    assert known.peer.id == BOB


def test_a_username_that_moved_names_whoever_has_it_now() -> None:
    """As soon as the account sees it there."""
    known = book(user(username="bob_ray"), user(78, username="bob_ray")).by_username("bob_ray")
    assert known is not None
    assert known.peer.id == 78


def test_a_username_that_was_given_up_names_nobody() -> None:
    """Who has it now is asked of Telegram; the former owner gets nothing that was meant for another."""
    assert book(user(username="bob_ray"), user()).by_username("bob_ray") is None
    assert book(user(username="bob_ray"), user(username="bobby")).by_username("bob_ray") is None


async def test_a_known_peer_is_named_from_memory() -> None:
    """Nothing is loaded for it, nor for a basic group, which needs no hash."""
    shelf = Shelf()
    peers = book(user(), group(), channel(), shelf=shelf)
    assert await peers.input_peers(BOB) == [types.InputPeerUser(BOB, 770)]
    assert await peers.input_peers(-GROUP) == [types.InputPeerChat(GROUP)]
    assert await peers.input_peers(MARKED_CHANNEL) == [types.InputPeerChannel(CHANNEL, 9)]
    assert shelf.asked == []


async def test_a_forgotten_peer_is_named_from_what_was_kept() -> None:
    """After a restart, say; also where memory holds no more than a min user."""
    shelf = Shelf(Peer(id=BOB, kind="user", access_hash=5), Peer(id=MARKED_CHANNEL, kind="channel", access_hash=6))
    assert await book(shelf=shelf).input_peers(BOB) == [types.InputPeerUser(BOB, 5)]
    assert await book(shelf=shelf).input_peers(MARKED_CHANNEL) == [types.InputPeerChannel(CHANNEL, 6)]
    assert await book(user(min=True), shelf=shelf).input_peers(BOB) == [types.InputPeerUser(BOB, 5)]


async def test_a_peer_that_was_never_met_cannot_be_named() -> None:
    """Neither by memory nor by what was kept."""
    assert await book().input_peers(BOB) == []
    assert await book(user(min=True)).input_peers(BOB) == []


def test_a_peer_is_to_be_kept_once() -> None:
    """Each once per call, and again only when it has changed."""
    peers = book(user(), group())
    assert [peer.id for peer in peers.unsaved(BOB, BOB)] == [BOB]
    assert peers.unsaved(1, None) == ()
    unkept = peers.unsaved(-GROUP, BOB)
    assert [peer.id for peer in unkept] == [-GROUP, BOB]
    peers.saved.add(unkept)
    assert peers.unsaved(-GROUP, BOB) == peers.saved.unsaved(unkept) == ()
    peers.learn([user(username="bob_ray")])
    assert [peer.username for peer in peers.unsaved(-GROUP, BOB)] == ["bob_ray"]


def test_a_min_user_is_kept_by_the_message_that_names_them() -> None:
    """The newest that was delivered; without one nothing of them is worth keeping."""
    peers = book(user(min=True), channel(megagroup=True))
    peers.saved.add(peers.unsaved(MARKED_CHANNEL))
    assert peers.unsaved(MARKED_CHANNEL, BOB) == ()
    (kept,) = peers.unsaved(MARKED_CHANNEL, BOB, (34, NOON))
    assert kept == Peer(id=BOB, kind="user", min_chat=MARKED_CHANNEL, min_message=34, min_date=int(NOON.timestamp()))
    (older,) = peers.unsaved(MARKED_CHANNEL, BOB, (33, NOON - timedelta(days=1)))
    assert older.min_message == 34


def test_a_private_chat_does_not_name_a_min_user() -> None:
    """It would have to be named itself."""
    assert book(user(min=True)).unsaved(BOB, BOB, (34, NOON)) == ()


def test_a_busy_min_user_is_kept_four_times_a_day() -> None:
    """A message may be deleted, so a newer one takes its place; but not each one of them."""
    peers, kept = book(user(min=True), channel(megagroup=True)), 0
    for minute in range(24 * 60):
        peers.learn([user(min=True)])
        unkept = [peer for peer in peers.unsaved(MARKED_CHANNEL, BOB, (minute, NOON + timedelta(minutes=minute))) if peer.id == BOB]
        peers.saved.add(unkept)
        kept += len(unkept)
    assert kept == 4


def test_a_min_user_who_became_whole_is_to_be_kept_anew() -> None:
    """With the hash, and without the message."""
    peers = book(user(min=True), channel(megagroup=True))
    peers.saved.add(peers.unsaved(MARKED_CHANNEL, BOB, (34, NOON)))
    peers.learn([user()])
    assert peers.unsaved(MARKED_CHANNEL, BOB, (35, NOON)) == (Peer(id=BOB, kind="user", access_hash=770),)


def test_two_peers_of_one_place_are_each_kept_again_and_never_taken_for_each_other() -> None:
    """A write that was not needed, at worst."""
    other = BOB + SLOTS
    peers = book(user(), user(other))
    peers.saved.add(peers.unsaved(BOB))
    assert [peer.id for peer in peers.unsaved(BOB, other)] == [other]
    peers.saved.add(peers.unsaved(other))
    assert [peer.id for peer in peers.unsaved(BOB, other)] == [BOB]


async def test_a_min_user_is_named_by_a_message_in_a_chat_that_is_named_itself() -> None:
    """The newest message in memory first, then the one that was kept; a chat may be known or have been kept."""
    kept = Peer(id=BOB, kind="user", min_chat=MARKED_CHANNEL, min_message=34, min_date=1)
    town = Peer(id=MARKED_CHANNEL, kind="channel", access_hash=6)
    by_kept = types.InputPeerUserFromMessage(types.InputPeerChannel(CHANNEL, 6), 34, BOB)
    assert await book(shelf=Shelf(kept, town)).input_peers(BOB) == [by_kept]
    peers = book(user(min=True), group(), shelf=Shelf(kept, town))
    peers.unsaved(-GROUP, BOB, (7, NOON))
    assert await peers.input_peers(BOB) == [types.InputPeerUserFromMessage(types.InputPeerChat(GROUP), 7, BOB), by_kept]


async def test_a_min_user_is_named_by_hash_where_one_was_kept() -> None:
    """That is the better name: no message has to be there still. The message in memory comes second."""
    peers = book(user(min=True), group(), shelf=Shelf(Peer(id=BOB, kind="user", access_hash=5)))
    peers.unsaved(-GROUP, BOB, (7, NOON))
    assert (await peers.input_peers(BOB))[0] == types.InputPeerUser(BOB, 5)


async def test_a_min_user_whose_chat_nobody_knows_cannot_be_named() -> None:
    """It was a channel's, and its hash was never learnt."""
    shelf = Shelf(Peer(id=BOB, kind="user", min_chat=MARKED_CHANNEL, min_message=34))
    assert await book(shelf=shelf).input_peers(BOB) == []


def test_what_telegram_told_ten_minutes_ago_is_no_longer_fresh() -> None:
    """A `min` one does not make it so: it says nothing of who has a username now."""
    clock = FakeClock()
    peers = PeerCache(Shelf().load, clock=clock.boottime)
    peers.learn([user()])
    clock.advance(600)
    assert peers.fresh(known_of(peers, BOB))
    clock.advance(1)
    peers.learn([user(min=True)])
    assert not peers.fresh(known_of(peers, BOB))
    peers.learn([user()])
    assert peers.fresh(known_of(peers, BOB))


def test_a_known_peer_costs_half_a_kilobyte_and_an_idle_account_next_to_nothing() -> None:
    """Five thousand accounts fit into one worker: this is what its size is reckoned by."""
    users = [user(5_000_000_000 + number, access_hash=(1 << 62) + number, username=f"username_{number:05}") for number in range(2 * KNOWN)]
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        peers = PeerCache(Shelf().load)
        idle = tracemalloc.get_traced_memory()[0] - before
        for one in users:
            peers.learn([one])
            peers.saved.add(peers.unsaved(one.id))
        full = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert idle < 2_000
    assert full < KNOWN * 512 + 8 * SLOTS + 2_000


@pytest.mark.parametrize(
    ("peer", "named"),
    [
        (Peer(id=BOB, kind="user", access_hash=0), types.InputPeerUser(BOB, 0)),
        (Peer(id=BOB, kind="user"), None),
        (Peer(id=-GROUP, kind="chat"), types.InputPeerChat(GROUP)),
        (Peer(id=MARKED_CHANNEL, kind="channel", access_hash=-9), types.InputPeerChannel(CHANNEL, -9)),
    ],
)
def test_peers_are_named_to_telegram_by_their_kind(peer: Peer, named: Any) -> None:
    """Unmarked ids, with the hash where one is needed."""
    assert input_of(peer) == named
