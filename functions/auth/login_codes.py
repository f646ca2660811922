"""Log-in codes as people type them."""

from __future__ import annotations

import re
import unicodedata

_BETWEEN = re.compile(r"[\s+()\-\u00ad\u2010-\u2015\u2212\u200b-\u200f\u2060\ufeff]")


def entered(code: str) -> str:
    """Return a code as Telegram takes it: digits of any script in ASCII, without what groups them; a word or phrase trimmed.

    The code may be the number that called: a plus and brackets go as well.
    """
    bare = _BETWEEN.sub("", code)
    if bare.isdecimal():
        return "".join(str(unicodedata.decimal(digit)) for digit in bare)
    return code.strip()
