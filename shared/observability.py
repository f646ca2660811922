"""Logs: one JSON line each, a fixed lower-case message plus fields; never content or secrets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from aws_lambda_powertools import Logger

from shared.store.rows import Malformed

T = TypeVar("T")


def get_logger() -> Logger:
    """Return the process's logger; POWERTOOLS_SERVICE_NAME and POWERTOOLS_LOG_LEVEL name and tune it."""
    return Logger(use_rfc3339=True, utc=True)


def sensible(found: Iterable[T | Malformed], logger: Logger) -> list[T]:
    """Return what rows hold, and have the log say which of them make no sense."""
    kept: list[T] = []
    for one in found:
        if isinstance(one, Malformed):
            tell_malformed(one, logger)
        else:
            kept.append(one)
    return kept


def tell_malformed(fault: Malformed, logger: Logger) -> None:
    """Have the log say which row makes no sense."""
    logger.error("row makes no sense", extra={"fault": str(fault)})
