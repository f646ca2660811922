"""The routes of the phone page: the page and its files, and what it shows and does, passed on to the test server and to the API.

GET  /phone                        the page           /phone/static/<file>  its files      (all but these want the page's key)
GET  /phone/desk                   people, the lines to copy, which Telegram
GET  /phone/webhook                the demo account's status, the current code, the callbacks that came
GET  /phone/people/<id>/messages   POST: write as that person;  POST .../read: the phone showed a chat
POST /phone/people/<id>/scan       that person's phone scans the QR code of a log-in
GET  /phone/qr                     the QR code of the demo account's log-in, while it waits for a scan
GET  /phone/changes                waits until something happens: ?after=<number>&callbacks=<count>
GET  /phone/code                   the code that Anna's phone shows, as text, for a shell
GET  /phone/deliveries             what became of the demo tenant's events;  .../<event>: its attempts;  POST .../<event>/replay: once more
POST /dev/callback-receiver        on its way to the function: the headers are noted;  GET: with the real Telegram for who has the key
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from local.curl_commands import logout_line, qr_line
from local.phone import request_guard
from local.phone.phone_page import ConnectedSystem, PhonePage
from local.phone.received_callbacks import SHOWN
from local.phone.request_guard import Refusal
from local.seed import ANNA, PEOPLE, RECEIVER

STATIC = Path(__file__).parent / "static"
WAIT_S = 20.0
CODE_WAIT_S = 1.0
SLACK_S = 10.0
SERVICE_ID = 777000  # Telegram's own account, which writes the codes
CHATTING = 10_000
DELIVERIES = 20
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
Body = TypeVar("Body", bound=BaseModel)
Judge = Callable[[Mapping[str, str]], Refusal | None]
Endpoint = Callable[[Request], Awaitable[Response]]


class WrittenMessage(BaseModel):
    """What a person writes on their phone, to the person with the id `to`."""

    model_config = ConfigDict(extra="forbid")

    to: StrictInt
    text: str = Field(min_length=1, max_length=4096)


class Shown(BaseModel):
    """The chat that a phone shows."""

    model_config = ConfigDict(extra="forbid")

    chat: StrictInt


class Scanned(BaseModel):
    """What a QR code says."""

    model_config = ConfigDict(extra="forbid")

    link: str = Field(min_length=1, max_length=1024)


class _Answered(Exception):
    """The answer is decided."""

    def __init__(self, status: int, error: str, detail: str) -> None:
        super().__init__(error)
        self.error, self.detail = error, detail
        self.response = JSONResponse({"error": error, "detail": detail}, status)


def routes(phone_page: PhonePage) -> Sequence[BaseRoute]:
    """Return the routes, for the front to serve before the API's."""
    pages = Pages(phone_page)

    def key(headers: Mapping[str, str]) -> Refusal | None:
        return request_guard.holder(headers, phone_page.system.page_key) if phone_page.system else None

    def reading(headers: Mapping[str, str]) -> Refusal | None:
        return request_guard.reading(headers) or key(headers)

    def writing(headers: Mapping[str, str]) -> Refusal | None:
        return request_guard.writing(headers) or key(headers)

    def receiving(headers: Mapping[str, str]) -> Refusal | None:  # what real people wrote is for no other user of the machine
        return request_guard.page(headers) or (key(headers) if phone_page.system and not phone_page.system.test_server else None)

    return [
        Route("/phone", _guarded(pages.page, request_guard.page)),
        Route("/phone/desk", _guarded(pages.phone_page, reading)),
        Route("/phone/webhook", _guarded(pages.webhook, reading)),
        Route("/phone/changes", _guarded(pages.changes, reading)),
        Route("/phone/code", _guarded(pages.code, reading)),
        Route("/phone/people/{person:int}/messages", _guarded(pages.messages, reading), methods=["GET"]),
        Route("/phone/people/{person:int}/messages", _guarded(pages.write, writing), methods=["POST"]),
        Route("/phone/people/{person:int}/read", _guarded(pages.read, writing), methods=["POST"]),
        Route("/phone/people/{person:int}/scan", _guarded(pages.scan, writing), methods=["POST"]),
        Route("/phone/qr", _guarded(pages.qr, reading)),
        Route("/phone/deliveries", _guarded(pages.deliveries, reading)),
        Route("/phone/deliveries/{event}", _guarded(pages.delivery, reading)),
        Route("/phone/deliveries/{event}/replay", _guarded(pages.replay, writing), methods=["POST"]),
        Mount("/phone/static", StaticFiles(directory=STATIC)),
        Route(RECEIVER, _guarded(pages.receive, request_guard.reading), methods=["POST"]),
        Route(RECEIVER, _guarded(pages.received, receiving), methods=["GET"]),
    ]


def _guarded(endpoint: Endpoint, judge: Judge) -> Endpoint:
    async def answer(request: Request) -> Response:
        if refusal := judge(request.headers):
            response: Response = JSONResponse({"error": refusal.error, "detail": refusal.detail}, refusal.status)
        else:
            try:
                response = await endpoint(request)
            except _Answered as answered:
                response = answered.response
            except httpx.TransportError as error:
                response = JSONResponse({"error": "no_answer", "detail": f"The API does not answer: {type(error).__name__}"}, 502)
        response.headers.update(SECURITY)
        return response

    return answer


class Pages:
    """The endpoints."""

    def __init__(self, phone_page: PhonePage) -> None:
        self._desk = phone_page

    async def page(self, _: Request) -> Response:
        return FileResponse(STATIC / "index.html")

    async def phone_page(self, request: Request) -> Response:
        """Answer what stays the same while the page is open, and the people."""
        system = self._system()
        seeded = {person.phone: person for person in PEOPLE}
        people, problem = [], None
        if system.control_url:
            try:
                known = (await self._control(request, "GET", "/people")).json()["people"]
            except _Answered as answered:  # the lines and the webhook are there all the same
                problem = answered.detail
                known = []
            people = [_person(one, seeded) for one in known if one["id"] != SERVICE_ID and one["registered"]]
        return JSONResponse(
            {
                "test_server": system.test_server,
                "receives": system.seed.receives,
                "tenant": {"number": system.tenant.number, "id": system.tenant.id},
                "api": system.url,
                "logout": logout_line(system.url, system.tenant, system.key),
                "qr": qr_line(system.url, system.tenant, system.key),
                "lines": [line.__dict__ for line in system.lines(system.key)],
                "people": sorted(people, key=lambda one: (not one["seeded"], one["id"])),
                "service_id": SERVICE_ID,
                "problem": problem,
            }
        )

    async def webhook(self, request: Request) -> Response:
        """Answer how the demo account is, the code on Anna's phone, and what the development receiver got, newest first."""
        system, client = self._system(), _client(request)
        status, received, code = await asyncio.gather(
            client.get(f"{system.api_url}/tenants/{system.tenant.number}/status", headers=system.tenant_headers),
            client.get(f"{system.api_url}{RECEIVER}", headers=system.gateway),
            self._code(request, 0),
        )
        callbacks = received.json() if received.status_code == 200 else []
        return JSONResponse(
            {
                "status": status.json(),
                "code": code,
                "count": self._desk.seen.count,
                "callbacks": [{**one, "seen": self._seen(one["payload"])} for one in callbacks],
            }
        )

    def _seen(self, payload: Any) -> dict[str, Any] | None:
        event_id = payload.get("id") if isinstance(payload, dict) else None
        seen = self._desk.seen.get(event_id) if isinstance(event_id, str) else None
        return None if seen is None else seen.__dict__

    async def changes(self, request: Request) -> Response:
        """Wait for the next change at the test server, or the next callback, whichever is first."""
        after, count = _whole(request, "after"), _whole(request, "callbacks")
        waits = [asyncio.create_task(self._desk.seen.another(count, WAIT_S))]
        control = asyncio.create_task(self._changed(request, after))
        try:
            await asyncio.wait([*waits, control] if self._system().control_url else waits, return_when=asyncio.FIRST_COMPLETED)
            happened = control.result() if control.done() else None
        finally:
            for task in (*waits, control):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, httpx.TransportError, _Answered):
                    await task
        return JSONResponse({"telegram": happened, "callbacks": self._desk.seen.count, "closed": self._desk.seen.closed})

    async def _changed(self, request: Request, after: int) -> Any:
        if self._system().control_url is None:
            return None
        found = (await self._control(request, "GET", "/changes", params={"after": after, "wait_s": WAIT_S})).json()
        kinds = {(change["kind"], change["person_id"]) for change in found["changes"]}  # what they say, the page fetches
        return {**found, "changes": [{"kind": kind, "person_id": person} for kind, person in sorted(kinds)]}

    async def code(self, request: Request) -> Response:
        """Answer the code as text; `none` where there is none, which the API then answers with what is the matter."""
        code = await self._code(request, CODE_WAIT_S)
        return PlainTextResponse(code) if code else PlainTextResponse("none", 404)

    async def _code(self, request: Request, wait_s: float) -> str | None:
        if self._system().control_url is None:
            return None
        try:
            answer = await self._control(request, "GET", f"/people/{ANNA.phone}/code", params={"wait_s": wait_s}, any_status=True)
        except _Answered:
            return None
        return None if answer.is_error else str(answer.json()["code"])

    async def messages(self, request: Request) -> Response:
        path = f"/people/{request.path_params['person']}/messages"
        return JSONResponse((await self._control(request, "GET", path, params={"limit": CHATTING})).json())

    async def write(self, request: Request) -> Response:
        message = await _body(request, WrittenMessage)
        if not message.text.strip():
            raise _Answered(422, "empty_message", "A message is not blank.")
        path = f"/people/{request.path_params['person']}/messages"
        sent = await self._control(request, "POST", path, json={"to": str(message.to), "text": message.text})
        return JSONResponse(sent.json(), 201)

    async def read(self, request: Request) -> Response:
        shown = await _body(request, Shown)
        path = f"/people/{request.path_params['person']}/read"
        return JSONResponse((await self._control(request, "POST", path, json={"chat": str(shown.chat)})).json())

    async def scan(self, request: Request) -> Response:
        scanned = await _body(request, Scanned)
        path = f"/people/{request.path_params['person']}/scan"
        await self._control(request, "POST", path, json={"link": scanned.link.strip()})
        return JSONResponse({"ok": True})

    async def qr(self, request: Request) -> Response:
        """Answer the present code, drawn by the API; without one both are null."""
        found = (await self._api(request, "GET", "auth/qr")).json()
        if not found["link"]:
            return JSONResponse({"link": None, "svg": None})
        return JSONResponse({"link": found["link"], "svg": (await self._api(request, "GET", f"auth/qr.svg?qr_id={found['qr_id']}")).text})

    async def deliveries(self, request: Request) -> Response:
        """Answer the newest of the log, and how the callback is doing."""
        listed, callback = await asyncio.gather(
            self._api(request, "GET", f"deliveries?limit={DELIVERIES}"), self._api(request, "GET", "callback/status")
        )
        return JSONResponse({"deliveries": listed.json(), "callback": callback.json()})

    async def delivery(self, request: Request) -> Response:
        answer = await self._api(request, "GET", f"deliveries/{_event(request)}")
        return JSONResponse(answer.json())

    async def replay(self, request: Request) -> Response:
        answer = await self._api(request, "POST", f"deliveries/{_event(request)}/replay")
        return JSONResponse(answer.json(), answer.status_code)

    async def _api(self, request: Request, method: str, path: str) -> httpx.Response:
        """Ask the API as the demo tenant; what it refuses is refused in its words."""
        system = self._system()
        url = f"{system.api_url}/tenants/{system.tenant.number}/{path}"
        answer = await _client(request).request(method, url, headers=system.tenant_headers)
        if answer.is_error:
            said = answer.json()
            raise _Answered(answer.status_code, str(said.get("error")), str(said.get("detail")))
        return answer

    async def receive(self, request: Request) -> Response:
        """Hand a callback to the function, and note its headers."""
        body, system = await request.body(), self._system()
        kind = {"Content-Type": request.headers.get("content-type", "application/json")}
        answer = await _client(request).post(f"{system.api_url}{RECEIVER}", content=body, headers={**system.gateway, **kind})
        if answer.is_success and "webhook-id" in request.headers:
            self._desk.note({name: request.headers[name] for name in SHOWN if name in request.headers}, body)
        return _as_answered(answer)

    async def received(self, request: Request) -> Response:
        """Answer what the receiver got, as the function does."""
        system = self._system()
        return _as_answered(await _client(request).get(f"{system.api_url}{RECEIVER}", headers=system.gateway))

    def _system(self) -> ConnectedSystem:
        if self._desk.system is None:
            raise _Answered(503, "starting", "The system is still starting.")
        return self._desk.system

    async def _control(self, request: Request, method: str, path: str, *, any_status: bool = False, **more: Any) -> httpx.Response:
        """Ask the test server; what it refuses is refused in its words."""
        url = self._system().control_url
        if url is None:
            raise _Answered(409, "real_telegram", "Accounts live at the real Telegram; there are no test people.")
        try:
            answer = await _client(request).request(method, url + path, timeout=WAIT_S + SLACK_S, **more)
        except httpx.TransportError:
            detail = "The Telegram test server does not answer. This page goes on by itself once it does."
            raise _Answered(503, "telegram_gone", detail) from None
        if answer.is_error and not any_status:
            said = answer.json()
            raise _Answered(answer.status_code, said["error"], said["detail"])
        return answer


def _as_answered(answer: httpx.Response) -> Response:
    headers = {name: answer.headers[name] for name in ("content-type", "x-request-id") if name in answer.headers}
    return Response(answer.content, answer.status_code, headers)


def _client(request: Request) -> httpx.AsyncClient:
    """The front's own client."""
    client = request.app.state.client
    assert isinstance(client, httpx.AsyncClient)
    return client


def _event(request: Request) -> str:
    """Return the event of a path as one segment of another: `.` and `..` would be resolved, and lead to other routes."""
    event = quote(request.path_params["event"], safe="")
    if not event.strip("."):
        raise _Answered(404, "not_found", "There is no such event.")
    return event


def _whole(request: Request, name: str) -> int:
    given = request.query_params.get(name, "0")
    if not given.isascii() or not given.isdigit() or len(given) > 15:
        raise _Answered(422, "invalid", f"{name} is a whole number.")
    return int(given)


async def _body(request: Request, model: type[Body]) -> Body:
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, one["loc"])) or "body" for one in error.errors())
        raise _Answered(422, "invalid", f"Not as it should be: {fields}.") from None


def _person(known: dict[str, Any], seeded: Mapping[str, Any]) -> dict[str, Any]:
    planted = seeded.get(known["phone"])
    name = " ".join(part for part in (known["first_name"], known["last_name"]) if part)
    return {
        "id": known["id"],
        "name": name,
        "username": known["username"],
        "phone": known["phone"],
        "password": planted.password if planted else None,
        "seeded": planted is not None,
    }
