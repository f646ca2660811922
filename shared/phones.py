"""Phone numbers as people write them, to E.164."""

from __future__ import annotations

import re

from shared.errors import AvioError, Code

_UNSEEN = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
"""What comes along when a number is copied from a web page or a contact card, and nobody sees: marks of direction, joints, no width."""
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


def e164(text: str) -> str:
    """Return `+` and 7 to 15 digits, or raise `invalid_phone`.

    Only the form is checked, never whether a number is assigned: Telegram alone knows that, and it also has numbers that no numbering
    plan knows (+888 anonymous numbers, +999 on test servers).
    """
    text = _UNSEEN.sub("", text).strip().removeprefix("tel:")  # https://www.rfc-editor.org/rfc/rfc3966
    number, before = _brought_into_form(text), text
    while number != before:  # each time one 0 goes of those that are dialled within a country, and there may be several
        number, before = _brought_into_form(number), number
    if not _E164.fullmatch(number):
        raise AvioError(Code.INVALID_PHONE, "Give the phone in international form: begin with +, as in +79001234567.")
    return number


def _brought_into_form(text: str) -> str:
    import phonenumbers  # 10 ms that only a request with a phone has to pay, not every cold start

    try:
        return phonenumbers.format_number(phonenumbers.parse(text, None), phonenumbers.PhoneNumberFormat.E164)
    except phonenumbers.NumberParseException:
        return "+" + re.sub(r"[\s()\[\]./\u2010-\u2015-]", "", text).removeprefix("+") if text.strip().startswith("+") else ""
