"""The search for secrets in logs finds them, in whatever spelling they stand there."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import pytest

from local import secret_scan

SECRET = 'sun "flower" & co'


@pytest.mark.parametrize("line", [f"password {SECRET}.", json.dumps({"text": SECRET}), f"GET /?k={quote(SECRET, safe='')} 200"])
def test_a_secret_is_found_as_it_is_as_json_and_as_part_of_a_url(tmp_path: Path, line: str) -> None:
    """By its name and place, and without being repeated."""
    (tmp_path / "one.log").write_text(f"quiet\n{line}\n")
    assert secret_scan.find(tmp_path, {"the password": SECRET}) == ["the password: one.log, line 2"]


def test_a_code_inside_a_longer_number_is_none(tmp_path: Path) -> None:
    """Ports and times hold any five digits sooner or later."""
    (tmp_path / "one.log").write_text("1234567 x12345 12345x")
    assert secret_scan.find(tmp_path, {"the code": "12345"}) == []
    (tmp_path / "one.log").write_text("code=12345.")
    assert secret_scan.find(tmp_path, {"the code": "12345"}) == ["the code: one.log, line 1"]


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    """And an empty secret is no secret."""
    (tmp_path / "one.log").write_text("all quiet\n")
    assert secret_scan.find(tmp_path, {"the password": SECRET, "unset": ""}) == []
