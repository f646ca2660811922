"""What opens a system's parts, and that nobody else on the machine can read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from local import state_secrets
from local.loopback import from_elsewhere, own_host


def test_a_state_has_secrets_of_its_own_at_each_start(tmp_path: Path) -> None:
    """One for each part, none told by another; and none is shown by a traceback."""
    first, again, other = state_secrets.of(tmp_path / "a"), state_secrets.of(tmp_path / "a"), state_secrets.of(tmp_path / "b")
    assert first == again
    secrets = {one for each in (first, other) for one in (each.emulator, each.control, each.phones)}
    assert len(secrets) == 6
    assert not any(one in repr(first) for one in (first.seed, *secrets))


def test_a_folder_that_others_could_read_is_closed(tmp_path: Path) -> None:
    """As it was made by an older version, or by hand."""
    state = tmp_path / "state"
    state.mkdir(mode=0o755)
    state_secrets.of(state)
    assert state.stat().st_mode & 0o777 == 0o700
    assert (state / "access").stat().st_mode & 0o777 == 0o600


def test_a_start_that_was_cut_off_leaves_no_empty_secret(tmp_path: Path) -> None:
    """The file is written whole or not at all; an empty one is no secret."""
    (tmp_path / "access").write_text("")
    (tmp_path / "access.new").write_text("half")
    assert len(state_secrets.of(tmp_path).seed) == 64


def test_a_file_of_secrets_takes_the_place_of_one_that_others_could_read(tmp_path: Path) -> None:
    """Whatever mode the old one had."""
    path = tmp_path / "avio.env"
    path.write_text("old")
    path.chmod(0o644)
    with state_secrets.private_file(path) as file:
        file.write("new")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o600)


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "LocalHost:1", "avio.example:443"])
def test_own_names(host: str) -> None:
    """In any case, with any port."""
    assert own_host({"host": host}, {"avio.example"})


@pytest.mark.parametrize(
    "host", ["", "evil.example", "localhost.evil.example", "127.0.0.1:80:80", "127.0.0.1:x", "0.0.0.0", "[::1]", "localhost, x"]
)
def test_foreign_names(host: str) -> None:
    """Everything else, and two at once."""
    assert not own_host({"host": host})


def test_what_a_browser_says_of_a_page_elsewhere() -> None:
    """Another port is another origin; no page can leave the headers out."""
    assert from_elsewhere({"host": "127.0.0.1:1", "origin": "http://127.0.0.1:2"})
    assert from_elsewhere({"host": "127.0.0.1:1", "sec-fetch-site": "cross-site"})
    assert not from_elsewhere({"host": "127.0.0.1:1", "origin": "http://127.0.0.1:1", "sec-fetch-site": "same-origin"})
    assert not from_elsewhere({"host": "127.0.0.1:1"})
