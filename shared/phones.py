"""Converts phone numbers, as people write them, to E.164."""

from __future__ import annotations

import re

from shared.errors import AvioError, Code

_UNSEEN = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
"""Invisible characters that come with a number copied from a web page or a contact card: direction marks, joiners, zero-width spaces."""
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


def e164(text: str) -> str:
    """Return `+` and 7 to 15 digits, or raise `invalid_phone`.

    It checks the form, not whether a number is assigned. Only Telegram knows that, and it has numbers outside all numbering plans (+888 for
    anonymous numbers, +999 on test servers).
    """
    text = _UNSEEN.sub("", text).strip().removeprefix("tel:")  # https://www.rfc-editor.org/rfc/rfc3966
    number, before = _brought_into_form(text), text
    while number != before:  # each pass removes one trunk prefix 0, and there may be several
        number, before = _brought_into_form(number), number
    if not _E164.fullmatch(number):
        raise AvioError(Code.INVALID_PHONE, "Give the phone in international form: begin with +, as in +79001234567.")
    return number


def _brought_into_form(text: str) -> str:
    import phonenumbers  # here, since it takes 10 ms, and most cold starts do not need it

    try:
        return phonenumbers.format_number(phonenumbers.parse(text, None), phonenumbers.PhoneNumberFormat.E164)
    except phonenumbers.NumberParseException:
        return "+" + re.sub(r"[\s()\[\]./\u2010-\u2015-]", "", text).removeprefix("+") if text.strip().startswith("+") else ""
