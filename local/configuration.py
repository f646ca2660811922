"""What the person set: `.env` in the repository, and the environment, which wins. Settings that are gone are refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

REPLACED = {
    "DATABASE_URL": "state lies in DynamoDB; there is nothing to set",
    "SESSION_ENC_KEY": "sessions are encrypted under a KMS key of the stack; there is nothing to set",
    "TG_SESSIONS_DIR": "sessions lie in DynamoDB; there is nothing to set",
    "TGWORKER_BASE_URL": "functions find an account's worker by its row in DynamoDB; there is nothing to set",
}


class ConfigurationError(Exception):
    """Settings that cannot hold; the message names each and says what to do."""


def read(environ: Mapping[str, str], env_file: Path) -> dict[str, str]:
    """Join `env_file` (may be absent) and `environ`. Raises `ConfigurationError` with everything that is wrong at once."""
    written = {name: value for name, value in dotenv_values(env_file).items() if value is not None} if env_file.exists() else {}
    joined = written | dict(environ)
    problems = [f"{name} is not used any more: {successor}" for name, successor in REPLACED.items() if joined.get(name)]
    problems += _contradictions(joined)
    if problems:
        raise ConfigurationError("\n".join(problems))
    return joined


def _contradictions(settings: Mapping[str, str]) -> list[str]:
    admin = settings.get("ADMIN_TOKEN")
    problems = []
    if admin and settings.get("PUBLIC_KEY") == admin:
        problems.append("PUBLIC_KEY equals ADMIN_TOKEN: whoever opens a public page would be an administrator; choose another")
    if settings.get("WAWEB_ADMIN_TOKEN") and settings["WAWEB_ADMIN_TOKEN"] != admin:
        problems.append("WAWEB_ADMIN_TOKEN must equal ADMIN_TOKEN")
    if bool(settings.get("TELEGRAM_API_ID")) != bool(settings.get("TELEGRAM_API_HASH")):
        problems.append("TELEGRAM_API_ID and TELEGRAM_API_HASH go together: set both for the real Telegram, none for the test server")
    return problems


def uses_real_telegram(settings: Mapping[str, str]) -> bool:
    """Whether accounts are to live at the real Telegram rather than at the test server."""
    return bool(settings.get("TELEGRAM_API_ID"))
