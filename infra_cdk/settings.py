"""The differences between a deployment on AWS and the same stack on a local machine.

target   durable data   callbacks to http / private addresses   platform of the dependencies
aws      yes            refused, and asking for it is an error  arm64, Python 3.13
local    no             allowed                                 this machine, this Python

docs/operations.md has what each setting means.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

Target = Literal["aws", "local"]

DEFAULT_CORS_ORIGINS = "http://localhost:5173"
DEFAULT_KEPT_DAYS = "14"
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
UNSAFE = ("ALLOW_HTTP_CALLBACKS", "ALLOW_PRIVATE_CALLBACKS")
FLAGS = ("DELETION_PROTECTION", "DEV_CALLBACK_RECEIVER", "OUTBOX_ENABLED", *UNSAFE)
NUMBERS: Mapping[str, tuple[Collection[int], str]] = {
    "DELIVERIES_KEPT_DAYS": (range(7, 366), "a number of days"),
    "WORKER_COUNT": (range(1, 101), "a number of tasks"),
    "API_RATE_LIMIT": (range(1, 10_001), "a number of requests per second"),
    "API_BURST_LIMIT": (range(1, 5_001), "a number of requests at once"),
    "API_CONCURRENCY": (range(1, 1_001), "a number of runs at once"),
    "DELIVERY_CONCURRENCY": (range(2, 1_001), "a number of runs at once"),
}
"""The least and the most of each number, and what it is. The limits are those of AWS, or of what makes sense."""
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size
WORKER_SIZES: Mapping[int, Collection[int]] = {
    256: (512, 1024, 2048),
    512: range(1024, 4097, 1024),
    1024: range(2048, 8193, 1024),
    2048: range(4096, 16385, 1024),
    4096: range(8192, 30721, 1024),
}
"""The memory in MB that a task may have, by its CPU units (1024 are a processor)."""
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
SIZES = ("WORKER_CPU", "WORKER_MEMORY_MB")
TEXTS = (
    "ALARM_EMAIL",
    "APP_BASE_URL",
    "CORS_ORIGINS",
    "LOG_RETENTION_DAYS",
    "OUTBOX_WHITELIST",
    "POWERTOOLS_LOG_LEVEL",
    "DEPLOYMENT_STAGE",
)
NAMES = (*FLAGS, *NUMBERS, *SIZES, *TEXTS)
_STAGE = re.compile(r"[a-z][a-z0-9-]{0,19}", re.ASCII)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_SPELT = {**dict.fromkeys(("1", "true", "yes", "on"), "1"), **dict.fromkeys(("0", "false", "no", "off"), "0")}
_ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?", re.IGNORECASE | re.ASCII)

_ADDRESS = re.compile(r"https?://[A-Za-z0-9.\[\]_-]+(:\d{1,5})?(/[^\s?#]*)?", re.ASCII)


class SettingsError(Exception):
    """Settings that the target refuses. The message says for each what is wrong and what to do."""


@dataclass(frozen=True)
class StackSettings:
    """The settings of a synthesis. Flags are "1" or "0", as the functions read them. None is AWS's own limit."""

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
    stage: str = ""
    alarm_email: str = ""
    deletion_protection: str = "1"
    worker_count: int = 1
    worker_cpu: int = 256
    worker_memory_mb: int = 512
    api_rate_limit: int = 200
    api_burst_limit: int = 400
    api_concurrency: int | None = None
    delivery_concurrency: int | None = 100
    log_retention_days: int = 30

    @property
    def durable(self) -> bool:
        """Whether data must outlive the stack: point-in-time recovery, and kept when the stack goes."""
        return self.target == "aws"

    @property
    def protected(self) -> bool:
        """Whether the stack and its tables refuse to be deleted."""
        return self.durable and self.deletion_protection == "1"


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
        stage=_text(environ, "DEPLOYMENT_STAGE"),
        alarm_email=_text(environ, "ALARM_EMAIL"),
        deletion_protection=_flag(environ, "DELETION_PROTECTION") or "1",
        **_sizes(environ),
    )


def _sizes(environ: Mapping[str, str]) -> dict[str, int]:
    """Return the numbers that are set, by field. What is not set has the field's default."""
    names = (*(name for name in NUMBERS if name != "DELIVERIES_KEPT_DAYS"), *SIZES, "LOG_RETENTION_DAYS")
    return {name.lower(): int(value) for name in names if (value := _text(environ, name))}


def problems(target: Target, environ: Mapping[str, str]) -> list[str]:
    """Return a sentence for each setting that is wrong. On AWS, setting an ALLOW_* flag is an error."""
    found = [f"{name} is 1 or 0, not {environ[name]!r}" for name in FLAGS if _flag(environ, name) is None]
    level = _text(environ, "POWERTOOLS_LOG_LEVEL")
    for name, (numbers, what) in NUMBERS.items():
        if (value := _text(environ, name)) and _number(value) not in numbers:
            found.append(f"{name} is {what} from {min(numbers)} to {max(numbers)}, not {value!r}")
    found += _deployment_problems(environ)
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


def _deployment_problems(environ: Mapping[str, str]) -> list[str]:
    """Return what is wrong with the settings that only a deployment on AWS heeds, besides numbers and flags."""
    stage, email, days = (_text(environ, name) for name in ("DEPLOYMENT_STAGE", "ALARM_EMAIL", "LOG_RETENTION_DAYS"))
    found = []
    if stage and not _STAGE.fullmatch(stage):
        found.append(f"DEPLOYMENT_STAGE begins with a letter and has up to 20 of a to z, 0 to 9 and -, not {stage!r}")
    if email and not _EMAIL.fullmatch(email):
        found.append(f"ALARM_EMAIL is one address, as ops@example.com, not {email!r}")
    if days and _number(days) not in LOG_DAYS:
        found.append(f"LOG_RETENTION_DAYS is one of {', '.join(map(str, LOG_DAYS))}, not {days!r}")
    return [*found, *_worker_size_problems(environ), *_throttle_problems(environ)]


def _worker_size_problems(environ: Mapping[str, str]) -> list[str]:
    cpu, memory = _text(environ, "WORKER_CPU"), _text(environ, "WORKER_MEMORY_MB")
    units = _number(cpu) if cpu else StackSettings.worker_cpu
    sizes = WORKER_SIZES.get(units if units is not None else -1)
    if sizes is None:
        return [f"WORKER_CPU is one of {', '.join(map(str, WORKER_SIZES))}, not {cpu!r}"]
    if (_number(memory) if memory else StackSettings.worker_memory_mb) not in sizes:
        told = memory or str(StackSettings.worker_memory_mb)
        return [f"WORKER_MEMORY_MB is one of {', '.join(map(str, sizes))} where WORKER_CPU is {units}, not {told!r}"]
    return []


def _throttle_problems(environ: Mapping[str, str]) -> list[str]:
    rate = _number(_text(environ, "API_RATE_LIMIT")) or StackSettings.api_rate_limit
    burst = _number(_text(environ, "API_BURST_LIMIT")) or StackSettings.api_burst_limit
    return [f"API_BURST_LIMIT is at least API_RATE_LIMIT: {burst} is less than {rate}"] if burst < rate else []


def _number(text: str) -> int | None:
    """Return the number that a text is, or None."""
    return int(text[:9]) if text.isascii() and text.isdigit() else None


def _text(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name, "").strip()


def _flag(environ: Mapping[str, str], name: str) -> str | None:
    """Return "1" or "0", "" if it is not set, and None if the value is unclear."""
    value = _text(environ, name).lower()
    return _SPELT.get(value) if value else ""
