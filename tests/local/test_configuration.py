"""What a person may set, and what is refused with a word about what to do."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra_cdk.settings import UNSAFE
from local.bootstrap import ROOT
from local.child_process import bare_environment
from local.configuration import NAMES, REPLACED, ConfigurationError, read, uses_real_telegram


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
        ({"TELEGRAM_API_ID": "1"}, "TELEGRAM_API_HASH go together"),
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


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PORT", "abc", "a port from 1 to 65535"),
        ("PORT", "99999", "a port from 1 to 65535"),
        ("PORT", "0", "a port from 1 to 65535"),
        ("PORT", "٨٠٠٠", "a port from 1 to 65535"),
        ("TELEGRAM_API_ID", "abc", "a number from 1"),
        ("TELEGRAM_API_HASH", "secret", "32 characters"),
        ("ADMIN_TOKEN", "two words", "without spaces"),
        ("ADMIN_TOKEN", "ключ", "of ASCII"),
        ("PUBLIC_KEY", "ключ", "of ASCII"),
        ("WA_WEB_TOKEN", "a b", "without spaces"),
        ("APP_BASE_URL", "avio.example", "begins with http"),
        ("CORS_ORIGINS", "*", "is no origin"),
        ("CORS_ORIGINS", "https://a.example, b.example", "'b.example' is no origin"),
        ("CORS_ORIGINS", "https://a.example/path", "without a path"),
        ("DELIVERIES_KEPT_DAYS", "abc", "from 7 to 365"),
        ("DELIVERIES_KEPT_DAYS", "6", "from 7 to 365"),
        ("DEV_CALLBACK_RECEIVER", "flase", "1 or 0"),
        ("OUTBOX_ENABLED", "2", "1 or 0"),
        ("POWERTOOLS_LOG_LEVEL", "LOUD", "one of DEBUG"),
    ],
)
@pytest.mark.parametrize("in_file", [True, False])
def test_a_value_that_cannot_hold_is_one_clear_line(tmp_path: Path, name: str, value: str, said: str, *, in_file: bool) -> None:
    """With what it should be, from either place; before it was a traceback, or passed unnoticed."""
    if in_file:
        (tmp_path / ".env").write_text(f"{name}='{value}'\n")
    with pytest.raises(ConfigurationError, match=said) as refused:
        read({} if in_file else {name: value}, tmp_path / ".env")
    lines = [line for line in str(refused.value).splitlines() if "go together" not in line]
    assert len(lines) == 1
    assert lines[0].startswith(name)


@pytest.mark.parametrize("name", ["ADMIN_TOKEN", "PUBLIC_KEY", "WA_WEB_TOKEN", "TELEGRAM_API_HASH"])
def test_a_secret_is_not_repeated(tmp_path: Path, name: str) -> None:
    """The line ends up in terminals and bug reports."""
    with pytest.raises(ConfigurationError) as refused:
        read({name: "hidden secret"}, tmp_path / ".env")
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("CORS_ORIGIN", "CORS_ORIGINS"), ("DELIVERIES_KEEP_DAYS", "DELIVERIES_KEPT_DAYS"), ("admin_token", "ADMIN_TOKEN"), ("PROT", "PORT")],
)
def test_a_misspelt_name_in_the_file_is_said_with_the_nearest(tmp_path: Path, written: str, meant: str) -> None:
    """It would otherwise be believed to have an effect."""
    (tmp_path / ".env").write_text(f"{written}=1\n")
    with pytest.raises(ConfigurationError, match=f"{written} is no setting; is {meant} meant"):
        read({}, tmp_path / ".env")


def test_a_name_in_the_file_that_is_like_none_is_refused_too(tmp_path: Path) -> None:
    """The file is ours alone."""
    (tmp_path / ".env").write_text("XYZ=1\n")
    with pytest.raises(ConfigurationError, match=r"XYZ is no setting; \.env\.example lists them"):
        read({}, tmp_path / ".env")


def test_the_environment_is_everybodys(tmp_path: Path) -> None:
    """A slip is said; what another program reads is none of our business."""
    others = {
        "PATH": "/bin",
        "TELEGRAM_BOT_TOKEN": "x",
        "POWERTOOLS_DEV": "1",
        "DATABASE_HOST": "x",
        "REPORT": "1",
        "TELEGRAM_TEST_SERVER": "x",
    }
    assert read(others, tmp_path / ".env") == others
    for slip in ("CORS_ORIGIN", "ADMIN_TOKENS", "DELIVERIES_DAYS", "TELEGRAM_APP_ID"):
        with pytest.raises(ConfigurationError, match=f"^{slip} is no setting"):
            read({slip: "1"}, tmp_path / ".env")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("ADMIN_TOKEN=ключ\n".encode("cp1251"), "is no UTF-8"),
        ("PORT=1\n".encode("utf-16"), "is no UTF-8"),
        (b"PORT\n", "line 1: write NAME=value"),
        (b"# fine\nPORT: 8080\n", "line 2: write NAME=value"),
        (b"PORT='8080\n", "line 1: write NAME=value"),
    ],
)
def test_a_file_that_cannot_be_read_is_said(tmp_path: Path, content: bytes, said: str) -> None:
    """With its line, where it has one."""
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(ConfigurationError, match=said):
        read({}, tmp_path / ".env")


def test_a_folder_in_the_files_place_is_said(tmp_path: Path) -> None:
    """Docker makes one of a file that was not there."""
    (tmp_path / ".env").mkdir()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read({}, tmp_path / ".env")


def test_a_mark_at_the_files_beginning_is_no_part_of_a_name(tmp_path: Path) -> None:
    """Editors on Windows write it."""
    (tmp_path / ".env").write_bytes("PORT=8080\n".encode("utf-8-sig"))
    assert read({}, tmp_path / ".env") == {"PORT": "8080"}


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    """One start, one list."""
    (tmp_path / ".env").write_text("PORT=abc\nDELIVERIES_KEPT_DAYS=abc\nXYZ=1\n")
    with pytest.raises(ConfigurationError) as refused:
        read({"ADMIN_TOKEN": "a b", "CORS_ORIGIN": "x"}, tmp_path / ".env")
    assert len(str(refused.value).splitlines()) == 5


def test_the_example_file_is_taken_as_it_is_and_with_every_line_in_force(tmp_path: Path) -> None:
    """Each name in it is one that is read, and the README's table has the same."""
    example = (ROOT / ".env.example").read_text()
    (tmp_path / ".env").write_text(example)
    assert read({}, tmp_path / ".env") == {}
    in_force = re.sub(r"^#([A-Z_]+=)", r"\1", example, flags=re.MULTILINE)
    (tmp_path / ".env").write_text(in_force)
    assert set(read({}, tmp_path / ".env")) == set(NAMES) - set(UNSAFE)
    table = (ROOT / "README.md").read_text().partition("## Settings")[2].partition("##")[0]
    assert {name for name in NAMES if f"`{name}`" in table} == set(NAMES)


@pytest.mark.parametrize("command", ["up", "synth"])
def test_wrong_settings_end_a_command_without_a_traceback(command: str) -> None:
    """One line each, and nothing has started."""
    environment = {**bare_environment(), "DELIVERIES_KEPT_DAYS": "abc", "CORS_ORIGIN": "x"}
    done = subprocess.run([sys.executable, "-m", "local", command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    said = done.stderr.strip().splitlines()
    assert [line.split()[0] for line in said] == ["CORS_ORIGIN", "DELIVERIES_KEPT_DAYS"]
