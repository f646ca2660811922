"""What the person set: `.env` in the repository, and the environment, which wins. What cannot hold is refused, all of it at once.

a name that nobody reads     refused in `.env`; in the environment, which is everybody's, where it is all but one of ours
a value that cannot hold     refused with what it should be; a secret is never repeated
a name that is gone          refused with what came instead
"""

from __future__ import annotations

import difflib
import io
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from infra_cdk import settings as deployment

REPLACED = {
    "DATABASE_URL": "state lies in DynamoDB; there is nothing to set",
    "SESSION_ENC_KEY": "sessions are encrypted under a KMS key of the stack; there is nothing to set",
    "TG_SESSIONS_DIR": "sessions lie in DynamoDB; there is nothing to set",
    "TGWORKER_BASE_URL": "functions find an account's worker by its row in DynamoDB; there is nothing to set",
}
PORTS = range(1, 65536)
ALIKE = 0.88
"""How much of a name must be one of ours to be taken for a slip: CORS_ORIGIN is one, TELEGRAM_API_TOKEN is another program's."""
PREFIXES = ("DELIVERIES_", "OUTBOX_", "WAWEB_", "WA_WEB_")


class ConfigurationError(Exception):
    """Settings that cannot hold; the message names each and says what to do."""


def _number(numbers: range, what: str) -> Callable[[str], str | None]:
    def problem(value: str) -> str | None:
        good = value.isascii() and value.isdigit() and int(value[:12]) in numbers
        return None if good else f"is {what} from {numbers[0]} to {numbers[-1]}, not {value!r}"

    return problem


def _token(value: str) -> str | None:
    good = re.fullmatch(r"[!-~]+", value)
    return None if good else "travels in a header: letters, digits and signs of ASCII, without spaces; choose another"


def _application_hash(value: str) -> str | None:
    good = re.fullmatch(r"[0-9a-fA-F]{32}", value)
    return None if good else "is 32 characters, 0 to 9 and a to f, as https://my.telegram.org/apps shows it"


VALUES: Mapping[str, Callable[[str], str | None]] = {
    "PORT": _number(PORTS, "a port"),
    "TELEGRAM_API_ID": _number(range(1, 1 << 31), "a number"),
    "TELEGRAM_API_HASH": _application_hash,
    "ADMIN_TOKEN": _token,
    "PUBLIC_KEY": _token,
    "WA_WEB_TOKEN": _token,
    "WAWEB_ADMIN_TOKEN": _token,
    "CALLBACK_SIGNING_SECRET": lambda _: None,
}
NAMES = (*VALUES, *deployment.NAMES)


def read(environ: Mapping[str, str], env_file: Path) -> dict[str, str]:
    """Join `env_file` (may be absent) and `environ`. Raises `ConfigurationError` with everything that is wrong at once."""
    written, problems = _written(env_file)
    problems += [_unknown(name, f"{env_file.name}: ") for name in written if name not in (*NAMES, *REPLACED)]
    problems += misspelt(environ)
    joined = written | dict(environ)
    problems += [f"{name} is not used any more: {successor}" for name, successor in REPLACED.items() if joined.get(name)]
    problems += [f"{name} {problem}" for name, judge in VALUES.items() if (value := joined.get(name)) and (problem := judge(value))]
    problems += deployment.problems("local", joined)
    problems += _contradictions(joined)
    if problems:
        raise ConfigurationError("\n".join(problems))
    return joined


def misspelt(names: Iterable[str]) -> list[str]:
    """Say which names of an environment are all but one of ours, or begin like nobody else's."""
    strange = (name for name in names if name not in (*NAMES, *REPLACED))
    return [_unknown(name, "") for name in strange if _nearest(name, ALIKE) or name.startswith(PREFIXES)]


def _unknown(name: str, where: str) -> str:
    meant = _nearest(name.upper(), 0.6)
    return f"{where}{name} is no setting" + (f"; is {meant} meant?" if meant else "; .env.example lists them all")


def _nearest(name: str, alike: float) -> str | None:
    return next(iter(difflib.get_close_matches(name, NAMES, 1, alike)), None)


def _written(env_file: Path) -> tuple[dict[str, str], list[str]]:
    """Return what the file sets, and what is wrong with it as a file."""
    try:
        text = env_file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}, []
    except UnicodeDecodeError:
        return {}, [f"{env_file} is no UTF-8: save it as UTF-8"]
    except OSError as error:
        return {}, [f"{env_file} cannot be read: {error.strerror}"]
    problems = [
        f"{env_file.name}, line {one.original.line}: write NAME=value"
        for one in parse_stream(io.StringIO(text))
        if one.error or (one.key and one.value is None)
    ]
    if problems:
        return {}, problems  # what such a file says cannot be told
    return {name: value for name, value in dotenv_values(stream=io.StringIO(text)).items() if value is not None}, []


def _contradictions(settings: Mapping[str, str]) -> list[str]:
    admin = settings.get("ADMIN_TOKEN")
    problems = []
    if settings.get("WAWEB_ADMIN_TOKEN") and settings["WAWEB_ADMIN_TOKEN"] != admin:
        problems.append("WAWEB_ADMIN_TOKEN must equal ADMIN_TOKEN")
    if bool(settings.get("TELEGRAM_API_ID")) != bool(settings.get("TELEGRAM_API_HASH")):
        problems.append("TELEGRAM_API_ID and TELEGRAM_API_HASH go together: set both for the real Telegram, none for the test server")
    return problems


def uses_real_telegram(settings: Mapping[str, str]) -> bool:
    """Whether accounts are to live at the real Telegram rather than at the test server."""
    return bool(settings.get("TELEGRAM_API_ID"))
