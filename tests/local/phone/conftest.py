"""The page's routes before a stand-in API and the real Telegram test server; and before the whole system."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local import reverse_proxy, seed, telegram_server_process
from local.child_process import free_port
from local.phone.phone_page import ConnectedSystem, PhonePage
from local.phone.request_guard import KEY_HEADER
from local.phone.routes import routes
from local.seed import ALICE, ANNA, RECEIVER, DemoTenant, Seed
from local.system import System
from local.telegram_server_process import RunningTelegramServer
from testing.telegram_server.control_client import ControlClient

PAGE_KEY = "the-key-of-the-page"
DELIVERY = {
    "event_id": "evt_1",
    "status": "delivered",
    "chat": "telegram:5",
    "received_at": "2026-11-21T10:00:00+00:00",
    "updated_at": "2026-11-21T10:00:00+00:00",
    "attempts": 1,
    "last": None,
    "reason": None,
}
CALLBACK = {"state": "healthy", "pending": 0, "parked": 0, "dead": 0}
LINK = "tg://login?token=AQLmF3q0"
SECRET = "whsec_c2VjcmV0IG9mIHRoZSB0ZXN0cw=="


@dataclass
class PhonePageHarness:
    """A running page: a client of it, the test server's control interface, and what the stand-in API was given."""

    phone_page: PhonePage
    client: httpx.Client
    control: ControlClient
    posted: list[bytes] = field(default_factory=list)
    received: list[dict[str, Any]] = field(default_factory=list)
    telegram: RunningTelegramServer | None = None

    @property
    def page(self) -> str:
        """The link that opens it."""
        assert self.phone_page.system
        return self.phone_page.system.page

    def person(self, phone: str) -> int:
        """Somebody's id."""
        return int(self.control.person(phone)["id"])


async def _qr(_: Request) -> Response:
    return JSONResponse({"state": "need_qr", "qr_id": "first", "link": LINK})


async def _qr_svg(request: Request) -> Response:
    assert request.query_params["qr_id"] == "first"
    return Response("<svg/>", media_type="image/svg+xml")


def stand_in(posted: list[bytes], received: list[dict[str, Any]]) -> Starlette:
    """An API that has one tenant, and a receiver that got these payloads."""

    async def status(_: Request) -> Response:
        return JSONResponse({"authorized": False, "state": "new", "owner": False})

    async def receiver(request: Request) -> Response:
        if request.method == "POST":
            posted.append(await request.body())
            return JSONResponse({"ok": "stored"})
        return JSONResponse([{"received_at": "2026-11-21T10:00:00+00:00", "payload": payload} for payload in received])

    async def deliveries(request: Request) -> Response:
        assert request.headers["authorization"] == "Bearer key"
        return JSONResponse([{**DELIVERY, "limit": request.query_params["limit"]}])

    async def delivery(request: Request) -> Response:
        if request.path_params["event"] != "evt_1":
            return JSONResponse({"ok": False, "error": "delivery_not_found", "detail": "There is none."}, 404)
        return JSONResponse({"event_id": "evt_1", "made": []})

    async def replay(request: Request) -> Response:
        return JSONResponse({"ok": True, "queued": 1, "event": request.path_params["event"]}, 202)

    async def callback(_: Request) -> Response:
        return JSONResponse(CALLBACK)

    tenant = "/api/tenants/7"
    return Starlette(
        routes=[
            Route(f"{tenant}/status", status),
            Route(f"{tenant}/auth/qr", _qr),
            Route(f"{tenant}/auth/qr.svg", _qr_svg),
            Route(f"{tenant}/deliveries", deliveries),
            Route(f"{tenant}/deliveries/{{event}}", delivery),
            Route(f"{tenant}/deliveries/{{event}}/replay", replay, methods=["POST"]),
            Route(f"{tenant}/callback/status", callback),
            Route(f"/api{RECEIVER}", receiver, methods=["GET", "POST"]),
        ]
    )


@pytest.fixture(scope="module")
def phones(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PhonePageHarness]:
    """The page over a test server of its own, with Anna and Alice."""
    with page_over(tmp_path_factory.mktemp("telegram")) as page:
        yield page


@contextmanager
def page_over(folder: Path) -> Iterator[PhonePageHarness]:
    """Run the page over a test server with its state in a folder, and the stand-in API."""
    posted: list[bytes] = []
    received: list[dict[str, Any]] = [{"id": "evt_1", "event": "message"}]
    telegram = telegram_server_process.start(folder)
    phone_page = PhonePage()
    with (
        telegram.process,
        ControlClient(telegram.control_url) as control,
        reverse_proxy.running(stand_in(posted, received), free_port()) as api,
    ):
        for person in (ANNA, ALICE):
            person.ensure(control)
        with reverse_proxy.running(reverse_proxy.create_app(f"{api}/api", routes(phone_page)), free_port()) as url:
            tenant = DemoTenant(id="00000000-0000-0000-0000-000000000007", number=7, key=SecretStr("key"), signing_secret=SecretStr(SECRET))
            phone_page.connect(
                ConnectedSystem(url, f"{api}/api", telegram.control_url, Seed(tenant, receives=True, logged_in=False), PAGE_KEY)
            )
            with httpx.Client(base_url=url, trust_env=False, timeout=30, headers={KEY_HEADER: PAGE_KEY}) as client:
                yield PhonePageHarness(phone_page, client, control, posted, received, telegram)
            phone_page.close()


@dataclass(frozen=True)
class DemoHarness:
    """The page over the whole system."""

    system: System
    connected: ConnectedSystem
    api: httpx.Client

    @property
    def base(self) -> str:
        """The demo tenant's path."""
        return f"/tenants/{self.connected.tenant.number}"

    def status(self) -> dict[str, Any]:
        """The demo account's status."""
        status: dict[str, Any] = self.api.get(f"{self.base}/status").json()
        return status


@pytest.fixture(scope="module")
def planted(system: System) -> Iterator[tuple[System, ConnectedSystem]]:
    """A front with the page before the running system's own front, and the demo tenant, whose callbacks come to it."""
    assert system.telegram
    phone_page = PhonePage()
    with reverse_proxy.running(reverse_proxy.create_app(system.url, routes(phone_page)), free_port()) as url:
        connected = ConnectedSystem(url, system.url, system.telegram.control_url, seed.plant(system, url), PAGE_KEY)
        phone_page.connect(connected)
        yield system, connected
        phone_page.close()


@pytest.fixture
def demo(planted: tuple[System, ConnectedSystem]) -> Iterator[DemoHarness]:
    """The demo tenant with nobody logged in."""
    system, connected = planted
    with httpx.Client(base_url=connected.url, headers=connected.tenant.headers, trust_env=False, timeout=60) as api:
        made = DemoHarness(system, connected, api)
        assert api.post(f"{made.base}/logout").status_code == 200
        yield made
