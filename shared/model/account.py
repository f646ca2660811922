"""An account: a tenant's log-in on one channel, with its owner, its state and the reason for that state.

    new -> code_sent, need_qr -> (need_2fa) -> authorized <-> restricted, frozen
                                                  |-> logging_out -> logged_out
                                                  '-> key_duplicated, banned, failed

shared/model/states.py has the transitions between states, the reasons, and what people do next. Live values (the time of the connection and
of the last event) are not on the row: the owner answers them from memory, so that connecting costs no write.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from shared.model.frozen import StoredModel
from shared.model.ids import Channel, Epoch, MessengerId, TenantId, WorkerId


class AccountState(StrEnum):
    """The phase of an account's life."""

    NEW = "new"
    CODE_SENT = "code_sent"
    NEED_QR = "need_qr"
    NEED_2FA = "need_2fa"
    AUTHORIZED = "authorized"
    RESTRICTED = "restricted"
    FROZEN = "frozen"
    FAILED = "failed"
    LOGGING_OUT = "logging_out"
    LOGGED_OUT = "logged_out"
    KEY_DUPLICATED = "key_duplicated"
    BANNED = "banned"
    UNKNOWN = "unknown"
    """A state that only a later version knows. The account is left alone. No code writes this value."""

    @classmethod
    def _missing_(cls, value: object) -> AccountState:
        return cls.UNKNOWN

    @property
    def logged_in(self) -> bool:
        """Whether the account can send and receive. A restriction may forbid some messages."""
        return self in {AccountState.AUTHORIZED, AccountState.RESTRICTED, AccountState.FROZEN}


class Wanted(StrEnum):
    """A request to an account's owner: functions write it, and the owner carries it out, now or after a takeover."""

    LOG_OUT = "log_out"
    ERASE = "erase"
    UNKNOWN = "unknown"
    """A request that only a later version knows. No owner carries it out."""

    @classmethod
    def _missing_(cls, value: object) -> Wanted:
        return cls.UNKNOWN


class Account(StoredModel):
    """An account's row: its owner, the epoch of that owner, and its status.

    The status is on this row, not on a row of its own, so that a claim also loads it. The owner writes it under the condition that owner
    and epoch have not changed.
    """

    tenant_id: TenantId
    channel: Channel
    owner: WorkerId | None = None
    epoch: Epoch = Epoch(0)
    claim: str | None = None
    state: AccountState = AccountState.NEW
    reason: str | None = None
    wanted: Wanted | None = None
    wanted_since: datetime | None = None
    phone: str | None = None
    user_id: MessengerId | None = None
    last_error: str | None = None
    restricted_until: datetime | None = None
    frozen_until: datetime | None = None
    appeal_url: str | None = None
    proxied: bool | None = None
    """Whether the account has a proxy. Rows of earlier versions do not say."""

    @property
    def left_alone(self) -> bool:
        """Whether the row has a state or a request that only a later version knows."""
        return AccountState.UNKNOWN is self.state or Wanted.UNKNOWN is self.wanted

    @property
    def standing(self) -> AccountState:
        """The effective state: an account that is to be logged out or erased serves no more, even before its owner has seen the request."""
        if self.left_alone:
            return AccountState.UNKNOWN
        return AccountState.LOGGING_OUT if self.wanted and self.state is not AccountState.LOGGED_OUT else self.state
