"""The QR code's item: shown by the account's owner alone, asked for by functions, gone with its account."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from local.emulator_account import EmulatorAccount
from shared.model.ids import Channel, Epoch, TenantId, WorkerId
from shared.model.qr_code import ASKED_WITHIN, LASTS, QrCode
from shared.store import erasure, keys
from shared.store.accounts import AccountStore
from shared.store.fenced import Superseded
from shared.store.notices import NoticeStore
from shared.store.qr_codes import QrCodeStore
from shared.store.table import Table
from tests.support.rows import put_tenant

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TENANT = TenantId("11111111-1111-1111-1111-111111111111")
LINK = "tg://login?token=AQL"


@pytest.fixture
def table(account: EmulatorAccount) -> Table:
    """A table with a tenant, whose account has its first owner."""
    table = Table(account.client("dynamodb"), account.table_name)
    put_tenant(table, TENANT)
    AccountStore(table).claim(TENANT, Channel.TELEGRAM, None, WorkerId("w1"), "first")
    return table


def begin(table: Table, epoch: int = 1) -> QrCodeStore:
    codes = QrCodeStore(table)
    codes.begin(TENANT, Channel.TELEGRAM, Epoch(epoch), NOW, NOW + LASTS)
    return codes


def show(codes: QrCodeStore, qr_id: str, before: str | None = None, epoch: int = 1) -> None:
    codes.show(TENANT, Channel.TELEGRAM, Epoch(epoch), qr_id, LINK, NOW + timedelta(seconds=30), before)


def test_codes_follow_one_another(table: Table) -> None:
    """Each is counted once, however often its write is tried; the ids of before are kept."""
    codes = begin(table)
    show(codes, "a")
    for _ in range(2):
        show(codes, "b", before="a")
    show(codes, "c", before="b")
    found = codes.get(TENANT, Channel.TELEGRAM)
    assert found == QrCode(
        ends_at=NOW + LASTS,
        asked_at=NOW,
        qr_id="c",
        link=LINK,
        valid_until=NOW + timedelta(seconds=30),
        issued=3,
        past_ids=("a", "b"),
    )
    begin(table)
    assert codes.get(TENANT, Channel.TELEGRAM) == QrCode(ends_at=NOW + LASTS, asked_at=NOW)


def test_an_earlier_owner_shows_nothing_any_more(table: Table) -> None:
    """Neither begins nor shows; the later one goes on with what it finds."""
    codes, accounts = begin(table), AccountStore(table)
    show(codes, "a")
    seen = accounts.get(TENANT, Channel.TELEGRAM)
    accounts.claim(TENANT, Channel.TELEGRAM, seen, WorkerId("w2"), "second")
    show(codes, "b", before="a", epoch=2)
    with pytest.raises(Superseded):
        show(codes, "c", before="a")
    with pytest.raises(Superseded):
        begin(table)
    found = codes.get(TENANT, Channel.TELEGRAM)
    assert found
    assert (found.qr_id, found.issued) == ("b", 2)


def test_nothing_brings_an_item_back_that_is_gone(table: Table) -> None:
    """It goes with its account; a note that somebody asks, or a code that comes late, changes nothing."""
    codes = begin(table)
    codes.asked(TENANT, Channel.TELEGRAM, NOW + timedelta(seconds=5))
    found = codes.get(TENANT, Channel.TELEGRAM)
    assert found
    assert found.asked_at == NOW + timedelta(seconds=5)
    assert keys.belongs_to(keys.qr_code(TENANT, Channel.TELEGRAM)["sk"], Channel.TELEGRAM)
    erasure.erase(table, TENANT, forced=True)
    codes.asked(TENANT, Channel.TELEGRAM, NOW)
    with pytest.raises(Superseded):
        show(codes, "a")
    assert codes.get(TENANT, Channel.TELEGRAM) is None


@pytest.mark.parametrize(
    ("asked_ago", "left", "wanted"),
    [
        (timedelta(0), timedelta(seconds=1), True),
        (ASKED_WITHIN, timedelta(seconds=1), True),
        (ASKED_WITHIN + timedelta(seconds=1), timedelta(seconds=1), False),
        (timedelta(0), timedelta(0), False),
    ],
)
def test_a_code_is_renewed_while_somebody_asks_and_the_log_in_lasts(asked_ago: timedelta, left: timedelta, wanted: bool) -> None:
    """A minute, and five minutes."""
    assert QrCode(ends_at=NOW + left, asked_at=NOW - asked_ago).wanted(NOW) is wanted


def test_a_notice_is_due_once_in_its_time(table: Table) -> None:
    """Whoever asks; each by its name."""
    notices, hour = NoticeStore(table), timedelta(hours=1)
    told = [notices.due("x", NOW + timedelta(minutes=minutes), hour) for minutes in (0, 1, 59, 60, 61, 121)]
    assert told == [True, False, False, True, False, True]
    assert notices.due("y", NOW, hour)
