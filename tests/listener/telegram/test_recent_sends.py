"""The memory of recent sends."""

from __future__ import annotations

from telethon.tl import types

from listener.telegram.updates.recent_sends import RecentSends


def test_a_send_is_known_by_its_random_id() -> None:
    """With the message that was noted last."""
    given = RecentSends()
    assert given.message_of(42) is None
    given.note(42, 77, 10)
    assert given.message_of(42) == 10


def test_a_message_that_came_of_a_send_is_known_in_its_chat_only() -> None:
    """Supergroups and channels number their own messages."""
    given = RecentSends()
    given.note(42, -1000000004000, 10)
    assert given.is_known(-1000000004000, 10)
    assert not given.is_known(-1000000004001, 10)


def test_an_update_tells_of_a_send_whose_answer_was_lost() -> None:
    """The update names no chat, and does not overwrite an answer."""
    given = RecentSends()
    given.note(41, 77, 9)
    given.learn([types.UpdateMessageID(10, 42), types.UpdateMessageID(8, 41), types.UpdateConfig()])
    assert (given.message_of(41), given.message_of(42)) == (9, 10)
    assert given.is_known(78, 10)


def test_only_the_latest_sends_are_remembered() -> None:
    """A send that is noted again counts as new."""
    given = RecentSends(bound=2)
    for random_id in (1, 2, 1, 3):
        given.note(random_id, 77, random_id)
    assert [given.message_of(random_id) for random_id in (1, 2, 3)] == [1, None, 3]
