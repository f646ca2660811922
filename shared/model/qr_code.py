"""The QR code of a log-in, as stored beside its account while the log-in is under way.

Only the account's owner gets codes from the messenger and stores them; functions show them and note that somebody asks.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.model.frozen import StoredModel

LASTS = timedelta(minutes=5)
"""How long a log-in by QR code may take: then nobody gets a new code without a new start."""
ASKED_WITHIN = timedelta(seconds=60)
"""A code is renewed only if somebody has asked for it within this time."""


class QrCode(StoredModel):
    """A log-in by QR code. The code's fields are None until the first code is there.

    `link` is what the code says. `valid_until` is when the code expires, `ends_at` when the log-in does. `issued` counts the codes of this
    log-in, `past_ids` are those before the present one. `asked_at` is right within `functions.auth.qr_login.NOTED_EVERY`.
    """

    ends_at: datetime
    asked_at: datetime
    qr_id: str | None = None
    link: str | None = None
    valid_until: datetime | None = None
    issued: int = 0
    past_ids: tuple[str, ...] = ()

    def wanted(self, now: datetime) -> bool:
        """Tell whether a code that expires now is to be followed by another."""
        return now < self.ends_at and now - self.asked_at <= ASKED_WITHIN
