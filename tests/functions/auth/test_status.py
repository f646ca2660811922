"""Status over HTTP: the row, and what a worker that answers as told says of this moment."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

import pytest

from functions.auth import routes as auth
from functions.auth.status import NOBODY_ANSWERS, STALE_STEPS, Stale, Status, staleness
from shared.model.account import AccountState
from shared.model.ids import NOBODY
from shared.model.live_status import Live
from shared.model.states import NEXT_STEPS, Reason
from tests.functions.api import Api, key
from tests.support.clock import FakeClock
from tests.support.stand_in_owner import StandInOwner

PHONE = "+79001234567"
NOW = FakeClock().now()


def ago(seconds: float, now: datetime = NOW) -> datetime:
    return now - timedelta(seconds=seconds)


def answering(owner: StandInOwner, **live: Any) -> None:
    """Have the owner answer that."""
    owner.respond = lambda command, body: Live(**live).model_dump(mode="json")


async def status(api: Api, tenant: dict[str, Any]) -> dict[str, Any]:
    answer = await api.call("GET", f"/tenants/{tenant['id']}/status")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_status_of_a_tenant_that_never_logged_in_is_new(api: Api, owner: StandInOwner) -> None:
    """Every field is there, most of them null; and nobody is asked."""
    tenant = await api.new_tenant()
    answer = await api.call("GET", f"/tenants/{tenant['number']}/status", headers=key(tenant["key"]))
    absent = ("phone", "last_error", "connected", "connected_since", "synced_at", "last_event_at", "stale_reason", "restricted_until")
    assert answer.json() == {
        "authorized": False,
        "state": "new",
        "reason": "not_started",
        "next_step": NEXT_STEPS[Reason.NOT_STARTED],
        "owner": False,
        "stale": False,
        **dict.fromkeys((*absent, "frozen_until", "appeal_url")),
    }
    assert owner.asked == []


async def test_status_joins_the_row_and_what_the_owner_says(api: Api, owner: StandInOwner) -> None:
    """The row has what was written, the owner what is true this moment."""
    tenant = await api.new_tenant()
    api.put_account(tenant["id"], AccountState.AUTHORIZED, owner.worker, phone=PHONE, user_id=5, last_error="telegram_unavailable")
    now = api.clock.now()
    live = Live(connected=True, connected_since=ago(60, now), synced_at=ago(5, now), last_event_at=ago(7, now), last_error="flood_wait")
    answering(owner, **live.model_dump())
    told = await status(api, tenant)
    wanted = {
        "authorized": True,
        "state": "authorized",
        "reason": "logged_in",
        "owner": True,
        "phone": PHONE,
        "connected": True,
        "connected_since": ago(60, now).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "synced_at": ago(5, now).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "last_event_at": ago(7, now).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "last_error": "flood_wait",
        "stale": False,
        "stale_reason": None,
    }
    assert {name: told[name] for name in wanted} == wanted
    assert owner.asked == [("status", {"tenant": tenant["id"], "channel": "telegram"})]


async def test_a_frozen_accounts_status_says_until_when_and_where_to_appeal(api: Api) -> None:
    """From the row: it needs no worker to be told."""
    tenant = await api.new_tenant()
    fields: dict[str, Any] = {
        "frozen_until": "2026-04-01T00:00:00+00:00",
        "appeal_url": "https://t.me/spambot",
        "reason": "frozen_by_telegram",
    }
    api.put_account(tenant["id"], AccountState.FROZEN, **fields)
    told = await status(api, tenant)
    assert (told["state"], told["reason"], told["authorized"]) == ("frozen", "frozen_by_telegram", True)
    assert (told["frozen_until"], told["appeal_url"]) == ("2026-04-01T00:00:00Z", "https://t.me/spambot")
    assert told["next_step"].endswith(NEXT_STEPS[Reason.FROZEN_BY_TELEGRAM])  # behind what is said of an account that nobody holds


@pytest.mark.parametrize(
    "answer",
    [None, {"error": "not_mine"}, {"error": "internal_error"}, {"connected": "perhaps"}],
    ids=["breaks off", "not mine", "fails", "nonsense"],
)
async def test_an_owner_that_does_not_answer_well_leaves_the_row_alone(api: Api, owner: StandInOwner, answer: Any) -> None:
    """Never an error: what is stored is told, and that this moment is unknown."""
    tenant = await api.new_tenant()
    api.put_account(tenant["id"], AccountState.AUTHORIZED, owner.worker, phone=PHONE)
    owner.respond = lambda command, body: answer
    told = await status(api, tenant)
    assert (told["phone"], told["owner"], told["connected"], told["stale_reason"]) == (PHONE, False, None, "no_answer")
    assert told["next_step"] == NOBODY_ANSWERS


async def test_what_a_later_owner_says_besides_is_passed_over(api: Api, owner: StandInOwner) -> None:
    """The rest of its answer counts."""
    tenant = await api.new_tenant()
    api.put_account(tenant["id"], AccountState.AUTHORIZED, owner.worker, phone=PHONE)
    owner.respond = lambda command, body: {"connected": True, "of_a_later_version": 1}
    told = await status(api, tenant)
    assert (told["owner"], told["connected"], told["stale"]) == (True, True, False)


async def test_an_owner_that_is_gone_is_not_replaced_by_another(api: Api, owner: StandInOwner) -> None:
    """Asking claims nothing: no other worker hears of it, though one is live."""
    tenant = await api.new_tenant()
    gone = owner.worker.model_copy(update={"id": "gone", "address": "127.0.0.1:1"})
    api.workers.register(gone)
    try:
        api.put_account(tenant["id"], AccountState.AUTHORIZED, gone)
        assert (await status(api, tenant))["connected"] is None
    finally:
        api.table.delete({"pk": "WORKERS", "sk": gone.id})
    assert owner.asked == []


def _owned_by(holder: str | None) -> dict[str, Any]:
    return {"owner": holder} if holder else {}


@pytest.mark.parametrize("holder", [None, NOBODY, "absent"])
async def test_without_an_owner_nobody_is_asked(api: Api, owner: StandInOwner, holder: str | None) -> None:
    """The row alone, and that nobody holds the account."""
    tenant = await api.new_tenant()
    api.put_account(tenant["id"], AccountState.AUTHORIZED, **_owned_by(holder))
    told = await status(api, tenant)
    assert (told["owner"], told["stale"], told["stale_reason"], owner.asked) == (False, True, "no_owner", [])
    assert told["next_step"] == NOBODY_ANSWERS


async def test_a_silent_owner_is_waited_for_two_seconds(api: Api, owner: StandInOwner) -> None:
    """Then the row is the answer. The wait is far from the deadline of a command."""
    tenant = await api.new_tenant()
    api.put_account(tenant["id"], AccountState.AUTHORIZED, owner.worker)
    answering(owner)
    assert (await status(api, tenant))["stale_reason"] == "not_connected"  # asked once, so that the wait is for the answer alone
    owner.respond = lambda command, body: {} if owner.silent.wait(60) else None
    patient = api.dependencies.get(Status)
    hasty = Status(patient.owner, patient.workers, patient.clock)
    impatient = api.serving(api.composed([auth.router], api.dependencies.replacing(hasty)))
    began = time.monotonic()
    try:
        told = await status(impatient, tenant)
    finally:
        owner.silent.set()
    assert told["stale_reason"] == "no_answer"
    assert hasty.deadline_s == 2
    assert 1.8 < time.monotonic() - began < 20


async def test_a_dead_workers_account_has_no_owner_within_five_seconds(api: Api, owner: StandInOwner) -> None:
    """The worker's row is read again after that time, however often the status is asked for; and the dead are not asked."""
    tenant = await api.new_tenant()
    api.put_account(tenant["id"], AccountState.AUTHORIZED, owner.worker)
    seen = [(await status(api, tenant))["owner"]]
    api.workers.kill(owner.worker.id, owner.worker.beat, api.clock.now())
    seen.append((await status(api, tenant))["owner"])
    api.clock.advance(5)
    seen.append((await status(api, tenant))["owner"])
    assert seen == [True, True, False]
    assert len(owner.asked) == 2


@pytest.mark.parametrize(
    ("live", "owner", "stale"),
    [
        (None, False, Stale.NO_OWNER),
        (None, True, Stale.NO_ANSWER),
        (Live(down_since=ago(30)), True, None),
        (Live(down_since=ago(61)), True, Stale.NOT_CONNECTED),
        (Live(), True, Stale.NOT_CONNECTED),
        (Live(connected=True, connected_since=ago(600)), True, None),
        (Live(connected=True, connected_since=ago(1000)), True, Stale.NOT_CONFIRMED),
        (Live(connected=True, connected_since=ago(5000), synced_at=ago(800)), True, None),
        (Live(connected=True, connected_since=ago(5000), synced_at=ago(901)), True, Stale.NOT_CONFIRMED),
        (Live(connected=True, connected_since=ago(5), synced_at=ago(5000)), True, None),
    ],
)
def test_an_account_is_stale_when_nobody_can_say_that_nothing_is_missing(live: Live | None, owner: bool, stale: Stale | None) -> None:
    """A connection that is made anew is given a minute, Telegram's confirmation a quarter of an hour."""
    assert staleness(live, owner=owner, now=NOW) is stale


async def test_only_what_is_logged_in_can_be_stale(api: Api) -> None:
    """Nobody holds an account that is logged out, and nothing is missing of it."""
    tenant = await api.new_tenant()
    api.put_account(tenant["id"], AccountState.LOGGED_OUT, reason="revoked")
    told = await status(api, tenant)
    assert (told["stale"], told["reason"], told["authorized"]) == (False, "revoked", False)


def test_each_kind_of_lateness_says_what_to_do() -> None:
    """And that nothing is lost."""
    assert set(STALE_STEPS) == set(Stale)
    assert all("othing is lost" in step for step in STALE_STEPS.values())


async def test_a_worker_that_has_died_is_not_said_to_hold_the_account(api: Api, owner: StandInOwner) -> None:
    """Its row still says live: by its last beat it is silent. Nobody is told that all is well."""
    tenant = await api.new_tenant()
    api.put_account(tenant["id"], AccountState.AUTHORIZED, owner.worker, phone=PHONE, user_id=5)
    owner.close()
    dead = await status(api, tenant)
    assert (dead["owner"], dead["stale_reason"], dead["next_step"]) == (False, Stale.NO_ANSWER, STALE_STEPS[Stale.NO_ANSWER])
    api.workers.beat(owner.worker.id, 1, 1, frozenset(), api.clock.now())
    api.clock.advance(21)
    silent = await status(api, tenant)
    assert (silent["owner"], silent["stale_reason"], silent["next_step"]) == (False, Stale.NO_OWNER, STALE_STEPS[Stale.NO_OWNER])
