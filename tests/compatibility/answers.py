"""What the API answers of each tenant of a recording, asked with the tenant's own key."""

from __future__ import annotations

from typing import Any

from tests.compatibility.scene import Scene
from tests.functions.api import Api

PATHS = ("/keys", "/status", "/deliveries", "/callback/status")
WORDING = {"next_step", "disabled_reason"}
"""Sentences for people, which may be put in other words."""


async def answers(scene: Scene) -> dict[str, Any]:
    """Ask."""
    api = api_of(scene)
    found: dict[str, Any] = {"/tenants": (await api.call("GET", "/tenants", headers=scene.admin)).json()}
    for name in scene.cast["tenants"]:
        for path in PATHS:
            answer = await api.call("GET", f"/tenants/{scene.id(name)}{path}", headers=scene.key(name))
            said = answer.json()
            if not answer.is_success:
                said = {"error": said["error"]}
            elif isinstance(said, dict):
                said = {field: value for field, value in said.items() if field not in WORDING}
            found[f"{name} {path}"] = said
    return found


def api_of(scene: Scene) -> Api:
    """Return the API over a recording's account, at its time."""
    api = Api(scene.aws)
    api.clock.advance((scene.clock.now() - api.clock.now()).total_seconds())
    return api
