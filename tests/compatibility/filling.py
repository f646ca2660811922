"""Fills an account of the emulator through the code of the day: tenants, log-ins, messages, deliveries, in every form they come in."""

from __future__ import annotations

from typing import Any

from local.emulator_account import EmulatorAccount
from testing.telegram_server.server import TelegramServer
from tests.compatibility import stored
from tests.compatibility.filled_accounts import NAMES, AccountFiller
from tests.compatibility.filled_deliveries import CALLBACKS, DeliveryFiller
from tests.functions.api import ADMIN, Api, key

CREATION = {"name": "Made once", "callback_url": "https://once.example/in"}
CREATION_KEY = "made-once"
SHOWN = ("id", "key", "signing_secret")


class Filling:
    """An account being filled. `cast` is what a replay must know: ids, keys, secrets; `queued` are messages that were taken out."""

    def __init__(self, aws: EmulatorAccount, server: TelegramServer) -> None:
        self.aws = aws
        self.api = Api(aws)
        self.clock = self.api.clock
        self.cast: dict[str, Any] = {"admin_token": ADMIN["X-Admin-Token"], "tenants": {}}
        self.queued: list[dict[str, str]] = []
        self.accounts = AccountFiller(aws, server, self.clock, self.cast)
        self.deliveries = DeliveryFiller(aws, self.clock, self.cast, self.asked)

    async def run(self) -> None:
        """Fill everything."""
        await self._tenants()
        await self.accounts.run()
        self.queued = list(stored.messages(self.aws))
        self.clock.advance(1)
        await self.deliveries.run()
        await self.asked("DELETE", f"/tenants/{self.cast['tenants']['ended']['id']}")
        self.clock.advance(1)
        self.cast["recorded_at"] = self.clock.now().isoformat()

    async def asked(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        """Call the API; return what it said."""
        answer = await self.api.call(method, path, **request)
        assert answer.is_success, answer.text
        said: dict[str, Any] = answer.json()
        return said

    async def _tenants(self) -> None:
        for name in dict.fromkeys((*NAMES, *CALLBACKS)):
            url = {"callback_url": f"https://{name}.example/in"} if name in CALLBACKS else {}
            self._keep(name, await self.api.new_tenant(name=name, **url))
        once = await self.asked("POST", "/tenants", headers={**ADMIN, "Idempotency-Key": CREATION_KEY}, json=CREATION)
        self._keep("once", once)
        self.cast["creation"] = {"idempotency_key": CREATION_KEY, "body": CREATION}
        await self._settings()

    def _keep(self, name: str, made: dict[str, Any]) -> None:
        self.cast["tenants"][name] = {shown: made[shown] for shown in SHOWN}

    async def _settings(self) -> None:
        """Give Anna everything that a tenant can have: headers, chat types, a second key, a rotated secret, a tested callback."""
        anna = self.cast["tenants"]["anna"]
        path, mine = f"/tenants/{anna['id']}", key(anna["key"])
        headers = {"Authorization": "Bearer of-the-endpoint", "X-Shop": "seven"}
        await self.asked("PATCH", path, headers=mine, json={"callback_headers": headers, "chat_types": ["private", "group", "channel"]})
        self.clock.advance(1)
        reading = await self.asked("POST", f"{path}/keys", headers=mine, json={"name": "reports", "scopes": ["read"]})
        rotated = await self.asked("POST", f"{path}/signing-secret/rotate", headers=mine)
        anna |= {"reading_key": reading["key"], "new_signing_secret": rotated["signing_secret"]}
        self.api.asked.answer = {"at": self.clock.now().isoformat(), "duration_ms": 12, "status": 204, "error": None, "text": ""}
        await self.asked("POST", f"{path}/callback/test", headers=mine)
        await self.asked("POST", "/dev/callback-receiver", headers={}, json={"event": "message", "of": "anybody"})
