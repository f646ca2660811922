"""What the API answers of each tenant of a recording, asked with the tenant's own key."""

from __future__ import annotations

from typing import Any

from tests.compatibility.recording import Recording
from tests.functions.api import Api

PATHS = ("/keys", "/status", "/deliveries", "/callback/status")
WORDING = {"next_step", "disabled_reason"}
"""Sentences for people, which may be put in other words."""


async def answers(recording: Recording) -> dict[str, Any]:
    """Ask."""
    api = api_of(recording)
    found: dict[str, Any] = {"/tenants": (await api.call("GET", "/tenants", headers=recording.admin)).json()}
    for name in recording.cast["tenants"]:
        for path in PATHS:
            answer = await api.call("GET", f"/tenants/{recording.id(name)}{path}", headers=recording.key(name))
            said = answer.json()
            if not answer.is_success:
                said = {"error": said["error"]}
            elif isinstance(said, dict):
                said = {field: value for field, value in said.items() if field not in WORDING}
            found[f"{name} {path}"] = said
    return found


def api_of(recording: Recording) -> Api:
    """Return the API over a recording's account, at its time."""
    api = Api(recording.aws)
    api.clock.advance((recording.clock.now() - api.clock.now()).total_seconds())
    return api
