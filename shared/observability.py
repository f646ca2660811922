"""Logs: one JSON line each, a fixed lower-case message plus fields; never content or secrets."""

from __future__ import annotations

from aws_lambda_powertools import Logger


def get_logger() -> Logger:
    """Return the process's logger; POWERTOOLS_SERVICE_NAME and POWERTOOLS_LOG_LEVEL name and tune it."""
    return Logger(use_rfc3339=True, utc=True)
