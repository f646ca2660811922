"""The cache of an account's peers."""

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


class StoredPeers:
    """Stored peers, and how often they were loaded."""

    def __init__(self, *peers: Peer) -> None:
        self.peers = {peer.id: peer for peer in peers}
        self.asked: list[int] = []

    async def load(self, peer_id: int) -> Peer | None:
        self.asked.append(peer_id)
        return self.peers.get(peer_id)


def cache(*entities: Any, stored_peers: StoredPeers | None = None, known: int = 100) -> PeerCache:
    peers = PeerCache((stored_peers or StoredPeers()).load, known)
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
    """Name, username, phone, and the account's own hash."""
    known = cache(user(last_name="Ray", username="bob_ray", phone="15550100002")).known(BOB)
    assert known is not None
    assert (known.name, known.chat_type) == ("Bob Ray", "private")
    assert known.peer == Peer(id=BOB, kind="user", access_hash=770, username="bob_ray", phone="+15550100002")


def test_of_several_usernames_the_first_in_use_counts() -> None:
    """Telegram leaves the single field empty if there are several."""
    several = [types.Username("sold", active=False), types.Username("bob_ray", active=True), types.Username("bob", active=True)]
    known = cache(user(usernames=several)).by_username("bob_ray")
    assert known is not None
    assert known.peer.id == BOB


def test_groups_and_channels_are_known_by_their_marked_ids() -> None:
    """As events name them."""
    peers = cache(group(), channel(username="news"), types.UserEmpty(1), types.ChatForbidden(2, ""))
    chats = [(known.peer.kind, known.name, known.chat_type) for known in map(peers.known, (-GROUP, MARKED_CHANNEL)) if known]
    assert chats == [("chat", "Club", "group"), ("channel", "News", "channel")]
    assert peers.known(1) is None


def test_a_min_user_never_replaces_a_whole_one() -> None:
    """It has no usable hash; the known fields stay."""
    peers = cache(user(username="bob_ray"), user(min=True, access_hash=1, first_name="B."))
    known = peers.known(BOB)
    assert known is not None
    assert (known.peer.access_hash, known.name) == (770, "Bob")


def test_a_whole_user_replaces_a_min_one() -> None:
    """And an older whole user."""
    peers = cache(user(min=True, access_hash=1), user(first_name="Bobby"))
    known = peers.known(BOB)
    assert known is not None
    assert (known.peer.access_hash, known.name) == (770, "Bobby")


def test_a_min_channel_is_not_learnt() -> None:
    """Its hash is useless."""
    assert cache(channel(min=True), channel(access_hash=None)).known(MARKED_CHANNEL) is None


@given(st.lists(st.tuples(st.integers(1, 30), st.booleans()), max_size=60), st.integers(1, 10))
def test_memory_is_bounded_and_the_least_recently_used_goes_first(steps: list[tuple[int, bool]], bound: int) -> None:
    """Compared with a plain list: the last used peers are there, and no more than the bound."""
    peers, order = cache(known=bound), list[int]()
    for number, learning in steps:
        if learning:
            peers.learn([user(number)])
        elif peers.known(number) is None:
            continue
        order = [*(other for other in order if other != number), number][-bound:]
    assert [number for number in range(1, 31) if number in order] == [number for number in range(1, 31) if peers.known(number)]


def test_usernames_are_found_in_any_case() -> None:
    """As Telegram finds them."""
    known = cache(user(username="Bob_Ray")).by_username("bOB_rAY")
    assert known is not None
    assert known.peer.id == BOB


def test_a_username_that_moved_names_whoever_has_it_now() -> None:
    """As soon as the account sees the new owner."""
    known = cache(user(username="bob_ray"), user(78, username="bob_ray")).by_username("bob_ray")
    assert known is not None
    assert known.peer.id == 78


def test_a_username_that_was_given_up_names_nobody() -> None:
    """Telegram is asked for the new owner; the former owner gets no message meant for another."""
    assert cache(user(username="bob_ray"), user()).by_username("bob_ray") is None
    assert cache(user(username="bob_ray"), user(username="bobby")).by_username("bob_ray") is None


async def test_a_known_peer_is_named_from_memory() -> None:
    """Nothing is loaded for it, nor for a basic group, which needs no hash."""
    stored_peers = StoredPeers()
    peers = cache(user(), group(), channel(), stored_peers=stored_peers)
    assert await peers.input_peers(BOB) == [types.InputPeerUser(BOB, 770)]
    assert await peers.input_peers(-GROUP) == [types.InputPeerChat(GROUP)]
    assert await peers.input_peers(MARKED_CHANNEL) == [types.InputPeerChannel(CHANNEL, 9)]
    assert stored_peers.asked == []


async def test_a_forgotten_peer_is_named_from_the_store() -> None:
    """For example after a restart; also if memory has only a min user."""
    stored_peers = StoredPeers(Peer(id=BOB, kind="user", access_hash=5), Peer(id=MARKED_CHANNEL, kind="channel", access_hash=6))
    assert await cache(stored_peers=stored_peers).input_peers(BOB) == [types.InputPeerUser(BOB, 5)]
    assert await cache(stored_peers=stored_peers).input_peers(MARKED_CHANNEL) == [types.InputPeerChannel(CHANNEL, 6)]
    assert await cache(user(min=True), stored_peers=stored_peers).input_peers(BOB) == [types.InputPeerUser(BOB, 5)]


async def test_a_peer_that_was_never_met_cannot_be_named() -> None:
    """It is neither in memory nor stored."""
    assert await cache().input_peers(BOB) == []
    assert await cache(user(min=True)).input_peers(BOB) == []


def test_a_peer_is_unsaved_until_it_was_saved_once() -> None:
    """Without repeats in a call, and again only after a change."""
    peers = cache(user(), group())
    assert [peer.id for peer in peers.unsaved(BOB, BOB)] == [BOB]
    assert peers.unsaved(1, None) == ()
    unkept = peers.unsaved(-GROUP, BOB)
    assert [peer.id for peer in unkept] == [-GROUP, BOB]
    peers.saved.add(unkept)
    assert peers.unsaved(-GROUP, BOB) == peers.saved.unsaved(unkept) == ()
    peers.learn([user(username="bob_ray")])
    assert [peer.username for peer in peers.unsaved(-GROUP, BOB)] == ["bob_ray"]


def test_a_min_user_is_saved_by_the_message_that_names_them() -> None:
    """By the newest delivered message; without a message they are not stored."""
    peers = cache(user(min=True), channel(megagroup=True))
    peers.saved.add(peers.unsaved(MARKED_CHANNEL))
    assert peers.unsaved(MARKED_CHANNEL, BOB) == ()
    (stored,) = peers.unsaved(MARKED_CHANNEL, BOB, (34, NOON))
    assert stored == Peer(id=BOB, kind="user", min_chat=MARKED_CHANNEL, min_message=34, min_date=int(NOON.timestamp()))
    (older,) = peers.unsaved(MARKED_CHANNEL, BOB, (33, NOON - timedelta(days=1)))
    assert older.min_message == 34


def test_a_private_chat_does_not_name_a_min_user() -> None:
    """The chat would need the same name."""
    assert cache(user(min=True)).unsaved(BOB, BOB, (34, NOON)) == ()


def test_a_busy_min_user_is_saved_four_times_a_day() -> None:
    """Messages may be deleted, so a newer message replaces the stored one, but not every time."""
    peers, stored = cache(user(min=True), channel(megagroup=True)), 0
    for minute in range(24 * 60):
        peers.learn([user(min=True)])
        unkept = [peer for peer in peers.unsaved(MARKED_CHANNEL, BOB, (minute, NOON + timedelta(minutes=minute))) if peer.id == BOB]
        peers.saved.add(unkept)
        stored += len(unkept)
    assert stored == 4


def test_a_min_user_who_became_whole_is_saved_again() -> None:
    """With the hash, and without the message."""
    peers = cache(user(min=True), channel(megagroup=True))
    peers.saved.add(peers.unsaved(MARKED_CHANNEL, BOB, (34, NOON)))
    peers.learn([user()])
    assert peers.unsaved(MARKED_CHANNEL, BOB, (35, NOON)) == (Peer(id=BOB, kind="user", access_hash=770),)


def test_two_peers_of_one_slot_are_saved_again_and_never_confused() -> None:
    """It costs an unnecessary write at worst."""
    other = BOB + SLOTS
    peers = cache(user(), user(other))
    peers.saved.add(peers.unsaved(BOB))
    assert [peer.id for peer in peers.unsaved(BOB, other)] == [other]
    peers.saved.add(peers.unsaved(other))
    assert [peer.id for peer in peers.unsaved(BOB, other)] == [BOB]


async def test_a_min_user_is_named_by_a_message_in_a_chat_that_is_named_itself() -> None:
    """The newest message in memory comes first, then the stored message; the chat is in memory or stored."""
    stored = Peer(id=BOB, kind="user", min_chat=MARKED_CHANNEL, min_message=34, min_date=1)
    town = Peer(id=MARKED_CHANNEL, kind="channel", access_hash=6)
    by_kept = types.InputPeerUserFromMessage(types.InputPeerChannel(CHANNEL, 6), 34, BOB)
    assert await cache(stored_peers=StoredPeers(stored, town)).input_peers(BOB) == [by_kept]
    peers = cache(user(min=True), group(), stored_peers=StoredPeers(stored, town))
    peers.unsaved(-GROUP, BOB, (7, NOON))
    assert await peers.input_peers(BOB) == [types.InputPeerUserFromMessage(types.InputPeerChat(GROUP), 7, BOB), by_kept]


async def test_a_min_user_is_named_by_hash_if_a_hash_is_stored() -> None:
    """The hash is better, since it needs no message. The message in memory comes second."""
    peers = cache(user(min=True), group(), stored_peers=StoredPeers(Peer(id=BOB, kind="user", access_hash=5)))
    peers.unsaved(-GROUP, BOB, (7, NOON))
    assert (await peers.input_peers(BOB))[0] == types.InputPeerUser(BOB, 5)


async def test_a_min_user_whose_chat_nobody_knows_cannot_be_named() -> None:
    """The chat was a channel whose hash was never learnt."""
    stored_peers = StoredPeers(Peer(id=BOB, kind="user", min_chat=MARKED_CHANNEL, min_message=34))
    assert await cache(stored_peers=stored_peers).input_peers(BOB) == []


def test_what_telegram_told_ten_minutes_ago_is_no_longer_fresh() -> None:
    """A `min` user does not refresh it, since it says nothing of usernames."""
    clock = FakeClock()
    peers = PeerCache(StoredPeers().load, clock=clock.boottime)
    peers.learn([user()])
    clock.advance(600)
    assert peers.fresh(known_of(peers, BOB))
    clock.advance(1)
    peers.learn([user(min=True)])
    assert not peers.fresh(known_of(peers, BOB))
    peers.learn([user()])
    assert peers.fresh(known_of(peers, BOB))


def test_a_known_peer_costs_half_a_kilobyte_and_an_idle_account_next_to_nothing() -> None:
    """Five thousand accounts fit into one worker by this figure."""
    users = [user(5_000_000_000 + number, access_hash=(1 << 62) + number, username=f"username_{number:05}") for number in range(2 * KNOWN)]
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        peers = PeerCache(StoredPeers().load)
        idle = tracemalloc.get_traced_memory()[0] - before
        for met in users:
            peers.learn([met])
            peers.saved.add(peers.unsaved(met.id))
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
    """By unmarked id, with the hash if the kind needs it."""
    assert input_of(peer) == named
