"""How functions and listener read each other before the contract had a version: their models as they were then, and what they said.

`RECORDED` holds what functions of then posted to a listener of then, and what it answered.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

RECORDED: list[dict[str, Any]] = json.loads(Path(__file__).with_name("recorded.json").read_text())
NOT_FOUND = {"error": "not_found", "detail": "There is nothing at this address."}


class _Arguments(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Start(_Arguments):
    phone: str


class Nothing(_Arguments):
    """It had no arguments."""


class Verify(_Arguments):
    phone: str
    code: str | None = None
    password: str | None = None


class Send(_Arguments):
    to: Annotated[str, StringConstraints(pattern=r"^(me|@\w+|-?[0-9]{1,19})$")]
    text: str
    random_id: int
    reply_to: int | None = None


READ_BY_THE_LISTENER: dict[str, type[_Arguments]] = {
    "auth/start": Start,
    "auth/resend": Nothing,
    "auth/cancel": Nothing,
    "auth/verify": Verify,
    "logout": Nothing,
    "send": Send,
    "status": Nothing,
}
"""Any other path was answered with NOT_FOUND."""


class SentCode(BaseModel):
    delivery: str
    length: int | None = None
    next_type: str | None = None
    resend_after_seconds: int | None = None
    form: Literal["digits", "word", "phrase"] = "digits"
    beginning: str | None = None


class State(BaseModel):
    state: str


class SentMessage(BaseModel):
    peer_resolved: int
    message_id: int
    date: datetime


class Live(BaseModel):
    model_config = ConfigDict(extra="forbid")

    connected: bool = False
    connected_since: datetime | None = None
    down_since: datetime | None = None
    synced_at: datetime | None = None
    last_event_at: datetime | None = None
    last_error: str | None = None


READ_BY_FUNCTIONS: dict[str, type[BaseModel]] = {
    "auth/start": SentCode,
    "auth/resend": SentCode,
    "auth/cancel": State,
    "auth/verify": State,
    "logout": State,
    "send": SentMessage,
    "status": Live,
}
