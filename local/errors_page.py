"""The page of all error codes, docs/errors.md: written from the table that the functions answer by, and from Telegram's names for them."""

from __future__ import annotations

from pathlib import Path

from functions.http.errors import STATUS
from listener.telegram.requests.error_table import FAMILIES, NAMES
from shared.errors import DETAILS, Code

PAGE = Path(__file__).resolve().parents[1] / "docs" / "errors.md"
_HEAD = """# Errors

**The rule: a code says what can be done about an error.** Every error has the body
`{"ok": false, "error": "<code>", "detail": "…", "request_id": "…"}` and the code's own fields. Codes are stable; `detail` is for people and
may change. New codes may come: treat one that you do not know by its status.

Telegram has hundreds of names for its errors, and one code often stands for several of them
([why](decisions/telegrams-errors-by-kind.md)). `telegram_error` has Telegram's own name where that says more. What has no code of its own
is `refused_by_telegram` (400), `forbidden_by_telegram` (403), `telegram_unavailable` (503) or `telegram_error` (502), by Telegram's number.
Numbers within a name are left out here.

`make openapi` writes this page.

| code | status | what it means | Telegram's names |
|---|---|---|---|
"""


def text() -> str:
    """Return the page."""
    return _HEAD + "".join(_row(code) for code in sorted(Code))


def _row(code: Code) -> str:
    names = [name for name, theirs in NAMES.items() if theirs is code] + [form for form, theirs in FAMILIES.items() if theirs is code]
    return f"| `{code}` | {STATUS[code]} | {DETAILS[code]} | {', '.join(f'`{name}`' for name in sorted(names))} |\n"


def main() -> None:
    """Write docs/errors.md."""
    PAGE.write_text(text(), encoding="utf-8")
