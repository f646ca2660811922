"""An account: a tenant's log-in on one channel, who owns it, and its state with the reason for it.

    new -> code_sent, need_qr -> (need_2fa) -> authorized <-> restricted, frozen
                                                  |-> logging_out -> logged_out
                                                  '-> key_duplicated, banned, failed

Which state may follow which, why an account is in one, and what people do next is in shared/model/states.py. What is live (connected
since when, last event) is not on the row: the owner is asked for it, so that connecting costs no write.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from shared.model.frozen import StoredModel
from shared.model.ids import Channel, Epoch, MessengerId, TenantId, WorkerId


class AccountState(StrEnum):
    """Where an account is in its life."""

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
    """Stands for what only a later version knows: the account is left alone. Nobody writes it."""

    @classmethod
    def _missing_(cls, value: object) -> AccountState:
        return cls.UNKNOWN

    @property
    def logged_in(self) -> bool:
        """Whether the account can send and receive, if perhaps not everything."""
        return self in {AccountState.AUTHORIZED, AccountState.RESTRICTED, AccountState.FROZEN}


class Wanted(StrEnum):
    """What is to become of an account, written by whoever cannot do it: its owner does, now or after a takeover."""

    LOG_OUT = "log_out"
    ERASE = "erase"
    UNKNOWN = "unknown"
    """As of a state: nobody does it."""

    @classmethod
    def _missing_(cls, value: object) -> Wanted:
        return cls.UNKNOWN


class Account(StoredModel):
    """An account's row: who owns it, under which epoch, and its status.

    The status lies on this row and not on one of its own, so that claiming an account also loads its status; the
    owner writes it on the condition that owner and epoch are still its own.
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

    @property
    def left_alone(self) -> bool:
        """Whether only a later version knows what to do with it."""
        return AccountState.UNKNOWN is self.state or Wanted.UNKNOWN is self.wanted

    @property
    def standing(self) -> AccountState:
        """The state as it counts: what is to be logged out or erased serves nobody any more, whether its owner knows yet or not."""
        if self.left_alone:
            return AccountState.UNKNOWN
        return AccountState.LOGGING_OUT if self.wanted and self.state is not AccountState.LOGGED_OUT else self.state
