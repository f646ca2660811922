"""Phone numbers as Telegram writes them: digits only, with the country code."""

from __future__ import annotations

import re

_DIGITS = re.compile(r"[1-9]\d{6,14}")


def normal(phone: str) -> str | None:
    """Return the digits of a phone number, or None when it cannot be one (E.164: 7 to 15 digits)."""
    digits = re.sub(r"[\s()+.-]", "", phone)
    return digits if _DIGITS.fullmatch(digits) else None
