"""A client of the control interface, for tests, the demo and benchmarks that run the server as a process of its own."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import httpx

_SLACK_S = 10.0  # beyond what the server was asked to wait


class ControlRefusedError(Exception):
    """The server refused; `code` is the stable word of its answer."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"{status} {body.get('error')}: {body.get('detail')} {body.get('fields', '')}".strip())
        self.status, self.code = status, str(body.get("error"))


class ControlClient:
    """Talk to a running server. Waits are served by the server, so nothing here polls or sleeps.

    A person is named by phone (`+15550100`), `@username` or id.
    """

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=_SLACK_S, trust_env=False)

    def __enter__(self) -> ControlClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def info(self) -> dict[str, Any]:
        return self._call("GET", "/")

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Return the settings, after changing those that are named."""
        return self._call("PATCH", "/settings", json=changes) if changes else self._call("GET", "/settings")

    # People

    def create_person(self, phone: str, **more: Any) -> dict[str, Any]:
        """Make a person; `more` is as in `PersonSpec`."""
        return self._call("POST", "/people", json={"phone": phone, **more})

    def change_person(self, handle: str, **changes: Any) -> dict[str, Any]:
        return self._call("PATCH", f"/people/{handle}", json=changes)

    def person(self, handle: str) -> dict[str, Any]:
        return self._call("GET", f"/people/{handle}")

    def people(self) -> list[dict[str, Any]]:
        return self._many("people", "/people")

    def code(self, handle: str, wait_s: float = 5, not_id: str | None = None) -> dict[str, Any]:
        """Return the log-in code that the phone shows; `not_id` waits for another than that one."""
        return self._call("GET", f"/people/{handle}/code", wait_s=wait_s, not_id=not_id)

    def scan(self, handle: str, link: str) -> None:
        """Have a person's phone scan the QR code of a log-in, which says `link`."""
        self._call("POST", f"/people/{handle}/scan", json={"link": link})

    def authorizations(self, handle: str) -> list[dict[str, Any]]:
        return self._many("authorizations", f"/people/{handle}/authorizations")

    def authorize(self, phones: Sequence[str]) -> list[dict[str, Any]]:
        """Log phones in without a client; return `{phone, person_id, key, secret (base64), state}` of each. Makes people where needed."""
        return list(self._call("POST", "/authorizations", json={"phones": list(phones)})["authorizations"])

    def revoke(self, handle: str, authorization_hash: str | None = None, reason: str = "AUTH_KEY_UNREGISTERED") -> int:
        """End one authorisation of a person, or all; return how many."""
        path = f"/people/{handle}/authorizations" + (f"/{authorization_hash}" if authorization_hash else "")
        return int(self._call("DELETE", path, reason=reason)["revoked"])

    # Chats

    def send(
        self,
        handle: str,
        to: str,
        text: str = "",
        *,
        reply_to: int | None = None,
        content: bytes | None = None,
        kind: str = "document",
        name: str = "file",
        mime_type: str = "application/octet-stream",
    ) -> dict[str, Any]:
        """Send a message as a person, from their phone; with `content` a file."""
        body: dict[str, Any] = {"to": to, "text": text, "reply_to": reply_to}
        if content is not None:
            encoded = base64.b64encode(content).decode()
            body["media"] = {"content": encoded, "kind": kind, "name": name, "mime_type": mime_type}
        return self._call("POST", f"/people/{handle}/messages", json=body)

    def send_many(self, messages: Sequence[dict[str, Any]]) -> int:
        """Send many messages with one request, each `{sender, to, text}`; return how many."""
        return int(self._call("POST", "/messages", json={"messages": list(messages)})["sent"])

    def messages(self, handle: str, **wanted: Any) -> list[dict[str, Any]]:
        """Return messages of a person's box, oldest first; `wanted` is as in `MessageFilter`."""
        return self._many("messages", f"/people/{handle}/messages", **wanted)

    def wait_messages(self, handle: str, count: int = 1, wait_s: float = 10, **wanted: Any) -> list[dict[str, Any]]:
        """Return messages once there are `count` of them; TimeoutError when there are not after `wait_s` seconds."""
        answer = self._call("GET", f"/people/{handle}/messages", wait_s=wait_s, count=count, **wanted)
        if not answer["complete"]:
            raise TimeoutError(f"{len(answer['messages'])} of {count} messages after {wait_s} s")
        return list(answer["messages"])

    def media(self, handle: str, message_id: int) -> bytes:
        return self._http.get(f"/people/{handle}/messages/{message_id}/media").raise_for_status().content

    def chats(self, handle: str) -> list[dict[str, Any]]:
        return self._many("chats", f"/people/{handle}/chats")

    def read(self, handle: str, chat: str, max_id: int = 0) -> bool:
        return bool(self._call("POST", f"/people/{handle}/read", json={"chat": chat, "max_id": max_id})["changed"])

    def typing(self, handle: str, chat: str) -> None:
        self._call("POST", f"/people/{handle}/typing", json={"chat": chat})

    def edit(self, handle: str, message_id: int, text: str, chat: str | None = None) -> dict[str, Any]:
        """Change a person's own message; `chat` is needed in supergroups and channels."""
        return self._call("PATCH", f"/people/{handle}/messages/{message_id}", json={"text": text, "chat": chat})

    def delete(self, handle: str, message_id: int, chat: str | None = None, *, for_all: bool = True) -> None:
        self._call("DELETE", f"/people/{handle}/messages/{message_id}", chat=chat, for_all=str(for_all).lower())

    # Groups; one is named by its number (below zero) or @username

    def create_group(self, kind: str, title: str, creator: str, members: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
        """Make a `basic` group, `supergroup` or `channel`; `more` is as in `GroupSpec`."""
        return self._call("POST", "/groups", json={"kind": kind, "title": title, "creator": creator, "members": list(members), **more})

    def groups(self) -> list[dict[str, Any]]:
        return self._many("groups", "/groups")

    def group(self, group: str | int) -> dict[str, Any]:
        return self._call("GET", f"/groups/{group}")

    def change_group(self, group: str | int, **changes: Any) -> dict[str, Any]:
        return self._call("PATCH", f"/groups/{group}", json=changes)

    def migrate_group(self, group: str | int, by: str) -> dict[str, Any]:
        """Make a supergroup of a basic group; return the supergroup."""
        return self._call("POST", f"/groups/{group}/migrate", by=by)

    def add_member(self, group: str | int, person: str, by: str | None = None) -> dict[str, Any]:
        """Let somebody join, or be put in by somebody."""
        return self._call("POST", f"/groups/{group}/members", json={"person": person, "by": by})

    def change_member(self, group: str | int, person: str, **changes: Any) -> dict[str, Any]:
        return self._call("PATCH", f"/groups/{group}/members/{person}", json=changes)

    def remove_member(self, group: str | int, person: str, by: str | None = None) -> dict[str, Any]:
        """Let somebody leave, or be kicked by somebody."""
        return self._call("DELETE", f"/groups/{group}/members/{person}", by=by)

    # The server itself

    def inject(self, kind: str, **more: Any) -> dict[str, Any]:
        """Put a fault in force; `more` is as in `FaultSpec`."""
        return self._call("POST", "/faults", json={"kind": kind, **more})

    def faults(self) -> list[dict[str, Any]]:
        return self._many("faults", "/faults")

    def clear_faults(self, number: int | None = None) -> None:
        self._call("DELETE", "/faults" + (f"/{number}" if number is not None else ""))

    def connections(self) -> list[dict[str, Any]]:
        return self._many("connections", "/connections")

    def kick(self, **which: Any) -> int:
        """Cut connections off: `number=` one, `person=` those of somebody, neither: all."""
        return int(self._call("POST", "/connections/kick", json=which)["connections"])

    def stall(self, **which: Any) -> int:
        """Let connections stay open and go dead."""
        return int(self._call("POST", "/connections/stall", json=which)["connections"])

    def resume(self, **which: Any) -> int:
        return int(self._call("POST", "/connections/resume", json=which)["connections"])

    def new_session(self, **which: Any) -> int:
        """Send new_session_created."""
        return int(self._call("POST", "/connections/new_session", json=which)["connections"])

    def change_salt(self, **which: Any) -> int:
        return int(self._call("POST", "/connections/salt", json=which)["connections"])

    def transport_error(self, code: int, **which: Any) -> int:
        """Send a transport error, -404, -429 or -444, and close."""
        return int(self._call("POST", "/connections/transport_error", json={"code": code, **which})["connections"])

    def forget_keys(self) -> int:
        """Forget the keys that nobody is logged in with; return how many."""
        return int(self._call("POST", "/keys/forget")["keys"])

    def advance_clock(self, seconds: float) -> int:
        """Move the server's clock forward and return its time."""
        return int(self._call("POST", "/clock", json={"advance_s": seconds})["now"])

    def counters(self) -> dict[str, Any]:
        return self._call("GET", "/counters")

    def changes(self, after: int = 0, wait_s: float = 0, person: str | None = None) -> dict[str, Any]:
        """Return what happened after a number: `{stream, last, missed, changes}`."""
        return self._call("GET", "/changes", after=after, wait_s=wait_s, person=person)

    def _many(self, name: str, path: str, **query: Any) -> list[dict[str, Any]]:
        return list(self._call("GET", path, **query)[name])

    def _call(self, method: str, path: str, *, json: Any = None, **query: Any) -> dict[str, Any]:
        given = {name: value for name, value in query.items() if value is not None}
        timeout = float(given.get("wait_s", 0)) + _SLACK_S
        answer = self._http.request(method, path, json=json, params=given, timeout=timeout)
        body: dict[str, Any] = answer.json()
        if answer.is_error:
            raise ControlRefusedError(answer.status_code, body)
        return body
