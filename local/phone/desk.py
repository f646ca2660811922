"""What the phone page is about: which system, which tenant. Routes are made before the system starts, so it is told later."""

from __future__ import annotations

from dataclasses import dataclass

from local.lines import Line, copy_lines
from local.phone.seen import Seen, SeenCallbacks
from local.receiver import standard_webhooks_holds, x_signature_holds
from local.seed import DemoTenant, Seed


@dataclass(frozen=True)
class Connected:
    """Where everything is. `api_url` is the gateway behind the front; `control_url` is None with the real Telegram."""

    url: str
    api_url: str
    control_url: str | None
    seed: Seed

    @property
    def tenant(self) -> DemoTenant:
        """The demo tenant."""
        return self.seed.tenant

    @property
    def test_server(self) -> bool:
        """Whether accounts live at the test server of this machine."""
        return self.control_url is not None

    @property
    def key(self) -> str:
        """The tenant's key as the page may show it: whoever can open the page could use it, so not that of a real person's account."""
        return self.tenant.key.get_secret_value() if self.test_server else "KEY_FROM_THE_TERMINAL"

    def lines(self, key: str) -> list[Line]:
        """What to copy, with that key in it."""
        return copy_lines(self.url, self.tenant, key, test_server=self.test_server)


class Desk:
    """Holds the connected system and the callbacks that were seen."""

    def __init__(self) -> None:
        self.system: Connected | None = None
        self.seen = SeenCallbacks()

    def connect(self, system: Connected) -> None:
        """Begin to show this system."""
        self.system = system

    def close(self) -> None:
        """Let open pages go, so that the front can stop at once. Safe from any thread."""
        self.seen.close()

    def note(self, headers: dict[str, str], body: bytes) -> None:
        """Keep the headers of a callback that the receiver took."""
        if self.system is None:
            return
        secret = self.system.tenant.signing_secret.get_secret_value()
        self.seen.add(Seen(headers, standard_webhooks_holds(secret, headers, body), x_signature_holds(secret, headers, body)))
