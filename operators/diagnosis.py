"""`avio diag`: asks a running deployment what is wrong, over its own API, and says for each thing what to do (contract D1).

It changes nothing and sends nothing, unless it is told whom to write to. It prints no token, key or content.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import httpx

from shared.version import VERSION

TIMEOUT_S = 35.0
"""API Gateway gives a request up after 30 s."""
MOST_TENANTS = 100
_PROBE = {"channel": "whatsapp", "to": "+19999999999", "text": "probe"}
"""A message that nobody can get, by which the guards of `POST /send` show themselves: no such number is assigned."""


class Level(StrEnum):
    """How a finding stands."""

    GOOD = "ok"
    NOTE = "note"
    BAD = "BAD"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `mend` says what to do, `detail` is for `diag-verbose`."""

    level: Level
    what: str
    mend: str = ""
    detail: str = ""

    def lines(self, *, verbose: bool) -> Iterator[str]:
        """Yield it for people."""
        yield f"  {self.level:4}  {self.what}"
        if self.mend:
            yield f"        -> {self.mend}"
        if verbose and self.detail:
            yield f"           {self.detail}"


class ApiUnreachable(Exception):
    """The API does not answer. The message says why."""


@dataclass(frozen=True)
class Answer:
    """An answer of the API."""

    status: int
    body: Any
    detail: str

    @property
    def error(self) -> str:
        """The error's code, empty if it is none."""
        return str(self.body.get("error", "")) if isinstance(self.body, dict) else ""


class Deployment:
    """A deployment's API, as the administrator calls it."""

    def __init__(self, client: httpx.Client, admin_token: str) -> None:
        self._client = client
        self._admin_token = admin_token

    def ask(self, method: str, path: str, body: Any = None, *, token: str | None = "") -> Answer:
        """Send a request; `token` is another token than the administrator's, or None for none. Raises ApiUnreachable."""
        headers = {} if token is None else {"X-Admin-Token": token or self._admin_token}
        try:
            answer = self._client.request(method, path, headers=headers, json=body)
        except httpx.HTTPError as error:
            raise ApiUnreachable(str(error) or type(error).__name__) from error
        try:
            found = answer.json()
        except ValueError:
            found = None
        took_ms = answer.elapsed.total_seconds() * 1000
        request_id = answer.headers.get("X-Request-Id", "none")
        return Answer(answer.status_code, found, f"{method} {path}: {answer.status_code} in {took_ms:.0f} ms, request {request_id}")


def diagnose(deployment: Deployment, send_to: str = "", tenant: str = "") -> Iterator[Finding]:
    """Look at everything, the base first: what depends on something that is bad is not looked at.

    `send_to` gets a message of each tenant that is looked at. `tenant` restricts it to one, by id or number.
    """
    yield (health := _health(deployment))
    if health.level is Level.BAD:
        return
    yield _version(deployment)
    yield (token := _admin_token(deployment))
    if token.level is Level.BAD:
        return
    yield _closed_to_strangers(deployment)
    tenants = [tenant] if tenant else _tenants(deployment)
    counted = f"{len(tenants)} tenant" + ("" if len(tenants) == 1 else "s")
    yield Finding(Level.GOOD if tenants else Level.NOTE, counted, "" if tenants else "create one: POST /tenants")
    if tenants:
        yield _guards(deployment, tenants[0])
    for one in tenants:
        yield from _tenant(deployment, one, send_to)


def _health(deployment: Deployment) -> Finding:
    try:
        answer = deployment.ask("GET", "/health", token=None)
    except ApiUnreachable as error:
        return Finding(Level.BAD, f"the API does not answer: {error}", "check AVIO_URL; on this machine start it with `make up`")
    if answer.status != 200 or not isinstance(answer.body, dict):
        mend = "AVIO_URL leads elsewhere, or the functions fail at their start: look at their logs"
        return Finding(Level.BAD, f"/health answers {answer.status}", mend, answer.detail)
    return Finding(Level.GOOD, "the API answers", detail=answer.detail)


def _version(deployment: Deployment) -> Finding:
    answer = deployment.ask("GET", "/", token=None)
    theirs = answer.body.get("version") if isinstance(answer.body, dict) else None
    if theirs == VERSION:
        return Finding(Level.GOOD, f"version {VERSION}", detail=answer.detail)
    return Finding(
        Level.NOTE, f"the deployment is version {theirs}, this command {VERSION}", "use the command of that version", answer.detail
    )


def _admin_token(deployment: Deployment) -> Finding:
    answer = deployment.ask("GET", "/tenants?limit=1")
    if answer.status == 200:
        return Finding(Level.GOOD, "the admin token opens the API", detail=answer.detail)
    if answer.status == 401:
        mend = "ADMIN_TOKEN is another one in the deployment's secret; after a change there it takes up to six minutes"
        return Finding(Level.BAD, "the admin token is wrong", mend, answer.detail)
    return Finding(Level.BAD, f"the list of tenants answers {answer.status} {answer.error}", _logs(answer), answer.detail)


def _closed_to_strangers(deployment: Deployment) -> Finding:
    answers = [deployment.ask("GET", "/tenants?limit=1", token=token) for token in (None, "not the admin token")]
    opened = [answer for answer in answers if answer.status != 401]
    if opened:
        return Finding(Level.BAD, "the API answers strangers", "take it off the network, and find out who has changed it", opened[0].detail)
    return Finding(Level.GOOD, "strangers are refused", detail=answers[0].detail)


def _tenants(deployment: Deployment) -> list[str]:
    answer = deployment.ask("GET", f"/tenants?limit={MOST_TENANTS}")
    return [str(one["number"]) for one in answer.body] if answer.status == 200 else []


def _guards(deployment: Deployment, tenant: str) -> Finding:
    """Say whether `POST /send` is open, by a message that nobody can get."""
    answer = deployment.ask("POST", "/send", {"tenant": int(tenant) if tenant.isdecimal() else tenant, **_PROBE})
    said = {
        "outbox_disabled": "POST /send is closed (OUTBOX_ENABLED is false)",
        "not_whitelisted": "POST /send is open to the recipients of OUTBOX_WHITELIST",
        "not_supported": "POST /send is open; WhatsApp has no worker",
    }
    if answer.error in said:
        return Finding(Level.GOOD, said[answer.error], detail=answer.detail)
    return Finding(Level.NOTE, f"POST /send answers {answer.status} {answer.error}", "", answer.detail)


def _tenant(deployment: Deployment, tenant: str, send_to: str) -> Iterator[Finding]:
    status = deployment.ask("GET", f"/tenants/{tenant}/status")
    if status.status != 200:
        yield Finding(Level.BAD, f"tenant {tenant}: the status answers {status.status} {status.error}", _logs(status), status.detail)
        return
    yield _account(tenant, status)
    yield from _callbacks(deployment, tenant)
    if send_to and status.body["authorized"]:
        yield _send(deployment, tenant, send_to)


def _account(tenant: str, status: Answer) -> Finding:
    state, step = status.body["state"], status.body.get("next_step") or ""
    if status.body["stale"]:
        return Finding(Level.BAD, f"tenant {tenant}: {state}, but {status.body['stale_reason']}", step, status.detail)
    if status.body["authorized"]:
        level = Level.GOOD if state == "authorized" else Level.NOTE
        return Finding(level, f"tenant {tenant}: {state}, connected", "" if level is Level.GOOD else step, status.detail)
    return Finding(Level.NOTE, f"tenant {tenant}: {state}", step, status.detail)


def _callbacks(deployment: Deployment, tenant: str) -> Iterator[Finding]:
    listed = deployment.ask("GET", f"/tenants/{tenant}/callbacks")
    for callback in listed.body if listed.status == 200 else ():
        answer = deployment.ask("GET", f"/tenants/{tenant}/callback/status?callback={callback['id']}")
        yield _callback(f"tenant {tenant}, callback {callback['id']}", answer)


def _callback(which: str, answer: Answer) -> Finding:
    if answer.status != 200:
        return Finding(Level.BAD, f"{which}: its status answers {answer.status} {answer.error}", _logs(answer), answer.detail)
    health: Mapping[str, Any] = answer.body
    counts = ", ".join(f"{health[name]} {name}" for name in ("pending", "parked", "dead") if health[name])
    said = f"{which}: {health['state']}" + (f" ({counts})" if counts else "")
    match health["state"]:
        case "healthy" | "recovering":
            mend = "the dead events can be had again: POST .../deliveries/replay" if health["dead"] else ""
            return Finding(Level.NOTE if mend else Level.GOOD, said, mend, answer.detail)
        case "not_set":
            dropped = health["dropped"]
            mend = f"{dropped['count']} events were dropped for it: set callback_url" if dropped else ""
            return Finding(Level.NOTE, said, mend, answer.detail)
        case "paused":
            mend = f"mend the endpoint; it is tried again at {health['next_attempt_at']}, or at once by POST .../callback/retry"
            return Finding(Level.BAD, said, mend, answer.detail)
    mend = f"{health['disabled_reason']}; mend the endpoint, then POST .../callback/retry"
    return Finding(Level.BAD, said, mend, answer.detail)


def _send(deployment: Deployment, tenant: str, to: str) -> Finding:
    answer = deployment.ask("POST", f"/tenants/{tenant}/messages/send", {"peer": to, "text": "Avio: this is a test of `make diag`."})
    if answer.status == 200:
        return Finding(Level.GOOD, f"tenant {tenant}: a message was sent", detail=answer.detail)
    detail = str(answer.body.get("detail", "")) if isinstance(answer.body, dict) else ""
    return Finding(Level.BAD, f"tenant {tenant}: sending answers {answer.status} {answer.error}", detail or _logs(answer), answer.detail)


def _logs(answer: Answer) -> str:
    request_id = answer.body.get("request_id", "") if isinstance(answer.body, dict) else ""
    return f"search the logs for {request_id}" if request_id else "look at the functions' logs"
