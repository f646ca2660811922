"""The log: JSON lines, each with a fixed lower-case message and fields; never content or secrets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from aws_lambda_powertools import Logger

from shared.store.rows import Malformed

T = TypeVar("T")


def get_logger() -> Logger:
    """Return the process's logger. POWERTOOLS_SERVICE_NAME and POWERTOOLS_LOG_LEVEL set its name and level."""
    return Logger(use_rfc3339=True, utc=True)


def well_formed(found: Iterable[T | Malformed], logger: Logger) -> list[T]:
    """Return the values without the malformed rows, and log each of those."""
    kept: list[T] = []
    for one in found:
        if isinstance(one, Malformed):
            log_malformed(one, logger)
        else:
            kept.append(one)
    return kept


def log_malformed(fault: Malformed, logger: Logger) -> None:
    """Log the address of a malformed row, and the kind of the fault."""
    logger.error("row makes no sense", extra={"fault": str(fault)})
