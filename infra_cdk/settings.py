"""What differs between a deployment on AWS and the same stack on one machine, decided in one place.

target   durable data   callbacks to http / private addresses   what the dependencies are installed for
aws      yes            refused, and asking for it is an error  arm64, Python 3.13
local    no             allowed                                 this machine, this Python
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Target = Literal["aws", "local"]

DEFAULT_CORS_ORIGINS = "http://localhost:5173"
DEFAULT_KEPT_DAYS = "14"


class SettingsError(Exception):
    """A setting that this target refuses; the message says which and what to do."""


@dataclass(frozen=True)
class Settings:
    """The choices a synthesis is made with; flags are "1" or "0", as the functions read them."""

    target: Target
    cors_origins: str = DEFAULT_CORS_ORIGINS
    allow_http_callbacks: str = "0"
    allow_private_callbacks: str = "0"
    dev_callback_receiver: str = "0"
    outbox_enabled: str = "0"
    outbox_whitelist: str = ""
    deliveries_kept_days: str = DEFAULT_KEPT_DAYS
    log_level: str = "INFO"

    @property
    def durable(self) -> bool:
        """Whether data must outlive the stack: deletion protection, point-in-time recovery and RETAIN."""
        return self.target == "aws"


def from_environment(target: Target, environ: Mapping[str, str]) -> Settings:
    """Read what an operator may choose. On AWS the ALLOW_* flags are not among it: asking for one raises `SettingsError`."""
    if target == "aws":
        asked_for = [name for name in ("ALLOW_HTTP_CALLBACKS", "ALLOW_PRIVATE_CALLBACKS") if _flag(environ, name) == "1"]
        if asked_for:
            raise SettingsError(f"{' and '.join(asked_for)}: a deployment on AWS posts to public https addresses only; unset it")
    allowed = "1" if target == "local" else "0"
    return Settings(
        target=target,
        cors_origins=environ.get("CORS_ORIGINS") or DEFAULT_CORS_ORIGINS,
        allow_http_callbacks=allowed,
        allow_private_callbacks=allowed,
        dev_callback_receiver=_flag(environ, "DEV_CALLBACK_RECEIVER", default=allowed),
        outbox_enabled=_flag(environ, "OUTBOX_ENABLED"),
        outbox_whitelist=environ.get("OUTBOX_WHITELIST", ""),
        deliveries_kept_days=environ.get("DELIVERIES_KEPT_DAYS") or DEFAULT_KEPT_DAYS,
        log_level=environ.get("POWERTOOLS_LOG_LEVEL") or "INFO",
    )


def _flag(environ: Mapping[str, str], name: str, default: str = "0") -> str:
    value = environ.get(name, "").strip().lower()
    if not value:
        return default
    return "1" if value in {"1", "true", "yes", "on"} else "0"
