"""The differences between a deployment on AWS and the same stack on a local machine.

target   durable data   callbacks to http / private addresses   platform of the dependencies
aws      yes            refused, and asking for it is an error  arm64, Python 3.13
local    no             allowed                                 this machine, this Python
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Target = Literal["aws", "local"]

DEFAULT_CORS_ORIGINS = "http://localhost:5173"
DEFAULT_KEPT_DAYS = "14"
KEPT_DAYS = range(7, 366)
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
UNSAFE = ("ALLOW_HTTP_CALLBACKS", "ALLOW_PRIVATE_CALLBACKS")
FLAGS = ("DEV_CALLBACK_RECEIVER", "OUTBOX_ENABLED", *UNSAFE)
NAMES = (*FLAGS, "APP_BASE_URL", "CORS_ORIGINS", "DELIVERIES_KEPT_DAYS", "OUTBOX_WHITELIST", "POWERTOOLS_LOG_LEVEL")
_SPELT = {**dict.fromkeys(("1", "true", "yes", "on"), "1"), **dict.fromkeys(("0", "false", "no", "off"), "0")}
_ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?", re.IGNORECASE | re.ASCII)

_ADDRESS = re.compile(r"https?://[A-Za-z0-9.\[\]_-]+(:\d{1,5})?(/[^\s?#]*)?", re.ASCII)


class SettingsError(Exception):
    """Settings that the target refuses. The message says for each what is wrong and what to do."""


@dataclass(frozen=True)
class StackSettings:
    """The settings of a synthesis. Flags are "1" or "0", as the functions read them."""

    target: Target
    cors_origins: str = DEFAULT_CORS_ORIGINS
    allow_http_callbacks: str = "0"
    allow_private_callbacks: str = "0"
    dev_callback_receiver: str = "0"
    outbox_enabled: str = "0"
    outbox_whitelist: str = ""
    deliveries_kept_days: str = DEFAULT_KEPT_DAYS
    log_level: str = "INFO"
    app_base_url: str = ""

    @property
    def durable(self) -> bool:
        """Whether data must outlive the stack: deletion protection, point-in-time recovery and RETAIN."""
        return self.target == "aws"


def from_environment(target: Target, environ: Mapping[str, str]) -> StackSettings:
    """Read the operator's settings. Raises `SettingsError` with all faults at once."""
    if found := problems(target, environ):
        raise SettingsError("\n".join(found))
    allowed = "1" if target == "local" else "0"
    return StackSettings(
        target=target,
        cors_origins=_text(environ, "CORS_ORIGINS") or DEFAULT_CORS_ORIGINS,
        allow_http_callbacks=allowed,
        allow_private_callbacks=allowed,
        dev_callback_receiver=_flag(environ, "DEV_CALLBACK_RECEIVER") or allowed,
        outbox_enabled=_flag(environ, "OUTBOX_ENABLED") or "0",
        outbox_whitelist=environ.get("OUTBOX_WHITELIST", ""),
        deliveries_kept_days=_text(environ, "DELIVERIES_KEPT_DAYS") or DEFAULT_KEPT_DAYS,
        log_level=_text(environ, "POWERTOOLS_LOG_LEVEL").upper() or "INFO",
        app_base_url=_text(environ, "APP_BASE_URL"),
    )


def problems(target: Target, environ: Mapping[str, str]) -> list[str]:
    """Return a sentence for each setting that is wrong. On AWS, setting an ALLOW_* flag is an error."""
    found = [f"{name} is 1 or 0, not {environ[name]!r}" for name in FLAGS if _flag(environ, name) is None]
    days, level = _text(environ, "DELIVERIES_KEPT_DAYS"), _text(environ, "POWERTOOLS_LOG_LEVEL")
    if days and not (days.isascii() and days.isdigit() and int(days[:9]) in KEPT_DAYS):
        found.append(f"DELIVERIES_KEPT_DAYS is a number of days from {KEPT_DAYS[0]} to {KEPT_DAYS[-1]}, not {days!r}")
    if level and level.upper() not in LOG_LEVELS:
        found.append(f"POWERTOOLS_LOG_LEVEL is one of {', '.join(LOG_LEVELS)}, not {level!r}")
    found += [
        f"CORS_ORIGINS: {origin!r} is no origin; write each as http://localhost:5173, without a path, with spaces or commas between them"
        for origin in _text(environ, "CORS_ORIGINS").replace(",", " ").split()
        if not _ORIGIN.fullmatch(origin)
    ]
    if (address := _text(environ, "APP_BASE_URL")) and not _ADDRESS.fullmatch(address):
        found.append(f"APP_BASE_URL is an address that begins with http:// or https://, not {address!r}")
    if _text(environ, "PUBLIC_KEY") and environ["PUBLIC_KEY"] == environ.get("ADMIN_TOKEN"):
        found.append("PUBLIC_KEY equals ADMIN_TOKEN: whoever opens a public page would be an administrator; choose another")
    asked_for = [name for name in UNSAFE if _flag(environ, name) == "1"]
    if target == "aws" and asked_for:
        found.append(f"{' and '.join(asked_for)}: a deployment on AWS posts to public https addresses only; unset it")
    return found


def _text(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name, "").strip()


def _flag(environ: Mapping[str, str], name: str) -> str | None:
    """Return "1" or "0", "" if it is not set, and None if the value is unclear."""
    value = _text(environ, name).lower()
    return _SPELT.get(value) if value else ""
