"""How the whole server behaves, where Telegram leaves a choice or a test wants another one. All can be changed while it runs."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """Server-wide behaviour; what concerns one person is in `PersonSpec`, what should go wrong in `FaultSpec`."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    difference_slice: int = Field(100, ge=1, le=10_000, description="updates in one answer of updates.getDifference")
    channel_difference_slice: int = Field(100, ge=1, le=10_000, description="updates in one answer of updates.getChannelDifference")
    channel_timeout_s: int = Field(60, ge=0, description="after which a client should ask for a channel's difference again")
    too_long_after: int = Field(100_000, ge=1, description="missed updates of an account or channel from which a difference is too long")
    min_users: Literal["strangers", "everybody", "nobody"] = Field(
        "strangers", description="who is `min` in a group's messages: people without a private chat or contact entry, everyone else, nobody"
    )
    repeated_random_id: Literal["original", "error"] = Field("original", description="answer to a send that was already made")
    short_updates: Literal["known", "always", "never"] = Field(
        "known", description="updateShortMessage for whom: senders the authorisation was told of, everyone, nobody"
    )
    duplicated_key: Literal["AUTH_KEY_UNREGISTERED", "AUTH_KEY_DUPLICATED"] = Field(
        "AUTH_KEY_UNREGISTERED", description="what later connections get for a key that died of AUTH_KEY_DUPLICATED"
    )
    sign_up: Literal["refused", "allowed"] = Field("refused", description="auth.signUp; third-party apps are refused by Telegram")
    login_token_s: int = Field(30, ge=1, le=3600, description="how long the token of a QR log-in is good")
    contacts_put_off: bool = Field(False, description="true: contacts.importContacts adds nobody, and says to try again later")
    accepting: bool = Field(True, description="false: new connections are closed at once, as in an outage")
