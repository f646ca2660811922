"""What a person may set, and what is refused with a word about what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.configuration import REPLACED, ConfigurationError, read, uses_real_telegram


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    """Both are read; a variable given on the command line is meant."""
    (tmp_path / ".env").write_text("PORT=1\nCORS_ORIGINS='https://a.example'  # why\n")
    settings = read({"PORT": "2"}, tmp_path / ".env")
    assert (settings["PORT"], settings["CORS_ORIGINS"]) == ("2", "https://a.example")


def test_no_file_is_fine(tmp_path: Path) -> None:
    """Everything has a default."""
    assert read({}, tmp_path / ".env") == {}


@pytest.mark.parametrize("name", REPLACED)
def test_a_setting_that_is_gone_is_refused_with_its_successor(tmp_path: Path, name: str) -> None:
    """It would otherwise be believed to have an effect."""
    with pytest.raises(ConfigurationError, match=f"{name} is not used any more: .*(DynamoDB|KMS)"):
        read({name: "x"}, tmp_path / ".env")


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"ADMIN_TOKEN": "a", "PUBLIC_KEY": "a"}, "PUBLIC_KEY"),
        ({"ADMIN_TOKEN": "a", "WAWEB_ADMIN_TOKEN": "b"}, "WAWEB_ADMIN_TOKEN"),
        ({"TELEGRAM_API_ID": "1"}, "TELEGRAM_API_HASH"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(tmp_path: Path, settings: dict[str, str], named: str) -> None:
    """Said at start, all at once."""
    with pytest.raises(ConfigurationError, match=named):
        read(settings, tmp_path / ".env")


def test_the_real_telegram_is_used_once_an_application_is_given() -> None:
    """And the test server otherwise."""
    assert uses_real_telegram({"TELEGRAM_API_ID": "1", "TELEGRAM_API_HASH": "x"})
    assert not uses_real_telegram({})
