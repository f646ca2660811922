"""The server's page says what is true: its tests exist, and its routes are the server's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from testing.telegram_server.control.routes import ROUTES
from testing.telegram_server.counters import Counters
from testing.telegram_server.faults import Kind
from testing.telegram_server.settings import Settings

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "telegram-test-server.md").read_text()


def test_every_test_that_the_page_names_exists() -> None:
    """The conformance table is not a wish list."""
    written = {name for path in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r"def (test_\w+)", path.read_text())}
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(named) > 60
    assert named <= written


def test_every_route_setting_fault_and_counter_is_on_the_page() -> None:
    """Nothing can be added without being described."""
    for method, path, _ in ROUTES:
        shown = re.sub(r":int", "", path)
        assert f"`{method} {shown}`" in PAGE, f"{method} {path}"
    for word in [*Settings.model_fields, *get_args(Kind), *Counters.__slots__]:
        assert f"`{word}`" in PAGE, word
