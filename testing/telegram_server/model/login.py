"""A log-in under way: the code that was sent to a phone for one key."""

from __future__ import annotations

from dataclasses import dataclass

from testing.telegram_server.model.person import Delivery


@dataclass(slots=True)
class Login:
    """One auth.sendCode and what came of it. `hash` is the phone_code_hash; it is good with the key that asked for it.

    `moving`: its client was told to go on at another data centre; the first key there that names it has it from then on.
    `email`: while a log-in e-mail is set up, the address that the code went to.
    """

    hash: str
    phone: str
    key_name: str
    code: str
    deliveries: list[Delivery]
    sent_at: int
    expires_at: int
    resend_after_s: int
    step: int = 0
    moving: bool = False
    email: str | None = None

    @property
    def delivery(self) -> Delivery:
        return self.deliveries[self.step]

    @property
    def next_delivery(self) -> Delivery | None:
        following = self.deliveries[self.step + 1 : self.step + 2]
        return following[0] if following else None
