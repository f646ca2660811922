"""What the phone page is about: which system, which tenant. Routes are made before the system starts, so it is told later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from local.curl_commands import CurlCommand, copy_lines
from local.phone.received_callbacks import CallbackHeaders, ReceivedCallbacks
from local.seed import DemoTenant, Seed
from local.webhook_receiver import standard_webhooks_holds, x_signature_holds


@dataclass(frozen=True)
class ConnectedSystem:
    """Where everything is. `api_url` is the gateway behind the front, which is shown `gateway`; `control_url` is None at the real Telegram.

    `page_key` opens this page to whoever has it.
    """

    url: str
    api_url: str
    control_url: str | None
    seed: Seed
    page_key: str = field(repr=False)
    gateway: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def page(self) -> str:
        """The link that opens the page; what is behind # stays in the browser."""
        return f"{self.url}/phone#k={self.page_key}"

    @property
    def tenant_headers(self) -> dict[str, str]:
        """What the gateway and the API behind it want to see of the demo tenant."""
        return {**self.gateway, **self.tenant.headers}

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
        """The tenant's key as the page may show it: not that of a real person's account, which belongs into no browser."""
        return self.tenant.key.get_secret_value() if self.test_server else "KEY_FROM_THE_TERMINAL"

    def lines(self, key: str) -> list[CurlCommand]:
        """What to copy, with that key in it."""
        return copy_lines(self.url, self.tenant, key, self.page_key if self.test_server else None)


class PhonePage:
    """Holds the connected system and the callbacks that were seen."""

    def __init__(self) -> None:
        self.system: ConnectedSystem | None = None
        self.seen = ReceivedCallbacks()

    def connect(self, system: ConnectedSystem) -> None:
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
        self.seen.add(CallbackHeaders(headers, standard_webhooks_holds(secret, headers, body), x_signature_holds(secret, headers, body)))
