"""A logger that keeps its lines."""

from __future__ import annotations

import io
import json
from typing import Any
from uuid import uuid4

from aws_lambda_powertools import Logger


class CapturedLog:
    """The functions' logger, with its lines kept for the test."""

    def __init__(self) -> None:
        self._stream = io.StringIO()
        self.logger = Logger(service=f"test-{uuid4()}", stream=self._stream, level="DEBUG", use_rfc3339=True, utc=True)

    @property
    def text(self) -> str:
        """Everything that was written."""
        return self._stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Every line."""
        return [json.loads(line) for line in self.text.splitlines()]

    def said(self, message: str) -> list[dict[str, Any]]:
        """Return the lines with this message."""
        return [line for line in self.lines if line["message"] == message]
