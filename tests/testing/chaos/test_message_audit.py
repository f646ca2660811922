"""The verdict: every number once, in order, and no event id twice."""

from __future__ import annotations

import pytest

from testing.chaos.message_audit import MessageAudit, Sequence, read_text, text_of

ANN = Sequence("ann", 7)
NONE = {"lost": 0, "doubled": 0, "out_of_order": 0, "never_said": 0}


def _closed(said: list[int], seen: list[tuple[int, str]]) -> MessageAudit:
    audit = MessageAudit()
    for number in said:
        audit.note_said(ANN, number, float(number))
    for number, event_id in seen:
        audit.note_seen(ANN, number, event_id, 100.0 + number)
    audit.close()
    return audit


def test_everything_once_and_in_order_is_good() -> None:
    """Then no kind of incident is counted, and all that was said was seen."""
    audit = _closed([1, 2, 3], [(1, "a"), (2, "b"), (3, "c")])
    assert audit.verdict() == NONE
    assert (audit.complete, audit.said, audit.seen) == (True, 3, 3)


@pytest.mark.parametrize(
    ("seen", "kind", "number"),
    [
        ([(1, "a"), (3, "c")], "lost", 2),
        ([(1, "a"), (2, "b")], "lost", 3),
        ([(1, "a"), (2, "b"), (2, "x"), (3, "c")], "doubled", 2),
        ([(1, "a"), (2, "b"), (3, "b")], "doubled", 3),
        ([(1, "a"), (3, "c"), (2, "b")], "out_of_order", 2),
        ([(1, "a"), (2, "b"), (3, "c"), (4, "d")], "never_said", 4),
    ],
)
def test_what_should_not_have_been_is_counted_once(seen: list[tuple[int, str]], kind: str, number: int) -> None:
    """As what it is: lost, doubled (by number or by event id), out of order, or never said; and the incident names its number."""
    audit = _closed([1, 2, 3], seen)
    assert audit.verdict() == {**NONE, kind: 1}
    assert [one.number for one in audit.incidents] == [number]


def test_all_that_come_late_are_out_of_order() -> None:
    """Also the second one, though it follows the first late one."""
    assert _closed([1, 2, 3, 4], [(1, "a"), (4, "d"), (2, "b"), (3, "c")]).verdict() == {**NONE, "out_of_order": 2}


def test_accounts_and_chats_are_counted_apart() -> None:
    """The same numbers in another chat, or at another account in the same chat, are no doubles."""
    audit = MessageAudit()
    for name, sequence in (("a", ANN), ("b", Sequence("ann", 8)), ("c", Sequence("ben", 7))):
        audit.note_said(sequence, 1, 0.0)
        audit.note_seen(sequence, 1, name, 1.0)
    audit.close()
    assert audit.verdict() == NONE


def test_a_text_tells_its_chat_and_number() -> None:
    """What is written is read back; anything else is no text of a run."""
    assert read_text(text_of(7, 123)) == (7, 123)
    with pytest.raises(ValueError, match="not a text"):
        read_text("chat 7 no 123 again")
