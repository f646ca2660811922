"""The state machine of an account: transitions, reasons, and what people do next.

    state            reasons                                   may become
    new              not_started, cancelled, code_expired,     code_sent, need_qr, need_2fa, authorized
                     log_in_lost, not_registered,
                     email_wanted
    code_sent        code_wanted, email_code_wanted            need_2fa, need_qr, authorized, new
    need_qr          scan_wanted                               need_2fa, code_sent, authorized, failed, new
    need_2fa         password_wanted                           authorized, code_sent, need_qr, new
    authorized       logged_in                                 restricted, frozen, logging_out, and the ends
    restricted       peer_flood                                authorized, frozen, logging_out, and the ends
    frozen           frozen_by_telegram                        authorized, restricted, logging_out, and the ends
    logging_out      log_out_wanted                            logged_out
    logged_out       logged_out_here, revoked, key_unknown     } the ends: a log-in may begin anew, as from `new`
    key_duplicated   key_duplicated                            }
    banned           banned                                    }
    failed           session_unreadable, qr_expired, qr_failed }
    unknown          later_version                             nothing (a later version wrote it)

Every state may also stay as it is (a code is sent again, a restriction is prolonged), and may become logged_out (on request) or failed (the
session cannot be read). The session is the source of truth, and the row follows it. If a process dies between the two writes, the next
owner corrects the row: this is why a log-in may jump to any later step.
"""

from __future__ import annotations

from enum import StrEnum

from shared.model.account import AccountState as S


class Reason(StrEnum):
    """The reason for an account's state: a stable code."""

    NOT_STARTED = "not_started"
    CANCELLED = "cancelled"
    CODE_EXPIRED = "code_expired"
    LOG_IN_LOST = "log_in_lost"
    NOT_REGISTERED = "not_registered"
    EMAIL_WANTED = "email_wanted"
    CODE_WANTED = "code_wanted"
    EMAIL_CODE_WANTED = "email_code_wanted"
    SCAN_WANTED = "scan_wanted"
    PASSWORD_WANTED = "password_wanted"  # noqa: S105  no password
    LOGGED_IN = "logged_in"
    PEER_FLOOD = "peer_flood"
    FROZEN_BY_TELEGRAM = "frozen_by_telegram"
    LOG_OUT_WANTED = "log_out_wanted"
    LOGGED_OUT_HERE = "logged_out_here"
    REVOKED = "revoked"
    KEY_UNKNOWN = "key_unknown"
    KEY_DUPLICATED = "key_duplicated"
    BANNED = "banned"
    SESSION_UNREADABLE = "session_unreadable"
    QR_EXPIRED = "qr_expired"
    QR_FAILED = "qr_failed"
    LATER_VERSION = "later_version"


REASONS: dict[S, tuple[Reason, ...]] = {
    S.NEW: (
        Reason.NOT_STARTED,
        Reason.CANCELLED,
        Reason.CODE_EXPIRED,
        Reason.LOG_IN_LOST,
        Reason.NOT_REGISTERED,
        Reason.EMAIL_WANTED,
    ),
    S.CODE_SENT: (Reason.CODE_WANTED, Reason.EMAIL_CODE_WANTED),
    S.NEED_QR: (Reason.SCAN_WANTED,),
    S.NEED_2FA: (Reason.PASSWORD_WANTED,),
    S.AUTHORIZED: (Reason.LOGGED_IN,),
    S.RESTRICTED: (Reason.PEER_FLOOD,),
    S.FROZEN: (Reason.FROZEN_BY_TELEGRAM,),
    S.LOGGING_OUT: (Reason.LOG_OUT_WANTED,),
    S.LOGGED_OUT: (Reason.LOGGED_OUT_HERE, Reason.REVOKED, Reason.KEY_UNKNOWN),
    S.KEY_DUPLICATED: (Reason.KEY_DUPLICATED,),
    S.BANNED: (Reason.BANNED,),
    S.FAILED: (Reason.SESSION_UNREADABLE, Reason.QR_EXPIRED, Reason.QR_FAILED),
    S.UNKNOWN: (Reason.LATER_VERSION,),
}
"""The reasons that a state may have. The first counts if the row has no reason."""

_BEGIN = {S.CODE_SENT, S.NEED_QR, S.NEED_2FA, S.AUTHORIZED}
_ENDS = {S.LOGGED_OUT, S.KEY_DUPLICATED, S.BANNED, S.FAILED}
_NEXT: dict[S, set[S]] = {
    S.NEW: _BEGIN,
    S.CODE_SENT: {S.NEED_2FA, S.NEED_QR, S.AUTHORIZED, S.NEW},
    S.NEED_QR: {S.NEED_2FA, S.CODE_SENT, S.AUTHORIZED, S.NEW},
    S.NEED_2FA: {S.AUTHORIZED, S.CODE_SENT, S.NEED_QR, S.NEW},
    S.AUTHORIZED: {S.RESTRICTED, S.FROZEN, S.LOGGING_OUT} | _ENDS,
    S.RESTRICTED: {S.AUTHORIZED, S.FROZEN, S.LOGGING_OUT} | _ENDS,
    S.FROZEN: {S.AUTHORIZED, S.RESTRICTED, S.LOGGING_OUT} | _ENDS,
    S.LOGGING_OUT: set(),
    S.UNKNOWN: set(),
    **dict.fromkeys(_ENDS, _BEGIN | {S.NEW}),
}

NEXT_STEPS: dict[Reason, str] = {
    Reason.NOT_STARTED: "Start a log-in: POST .../auth/start with the phone number, or POST .../auth/qr.",
    Reason.CANCELLED: "The log-in was given up. Start another one: POST .../auth/start.",
    Reason.CODE_EXPIRED: "The code came too late. Ask for a new one: POST .../auth/start.",
    Reason.LOG_IN_LOST: "Telegram ended the log-in before it was complete. Start another one: POST .../auth/start.",
    Reason.NOT_REGISTERED: "No Telegram account has that phone. Sign up in a Telegram app, then start another log-in: POST .../auth/start.",
    Reason.EMAIL_WANTED: "Telegram wants a log-in e-mail first. Give an address: POST .../auth/email.",
    Reason.EMAIL_CODE_WANTED: "Give the code that Telegram sent to the e-mail: POST .../auth/email/verify.",
    Reason.CODE_WANTED: "Give the code that Telegram sent, as `delivery` said (mostly in the app): POST .../auth/verify.",
    Reason.SCAN_WANTED: "Scan the QR code in the Telegram app: Settings, Devices, Link Desktop Device. GET .../auth/qr has it.",
    Reason.PASSWORD_WANTED: "Give the password of two-step verification: POST .../auth/verify. The code stays accepted.",
    Reason.LOGGED_IN: "Nothing: the account sends and receives.",
    Reason.PEER_FLOOD: "Until `restricted_until` write only to people who have written; replies go. In the app, @SpamBot says more.",
    Reason.FROZEN_BY_TELEGRAM: "Appeal at `appeal_url`, in the account's app: nothing can be sent, and it is deleted at `frozen_until`.",
    Reason.LOG_OUT_WANTED: "Wait: Telegram is being told. It is tried for 24 hours, then the session is erased all the same.",
    Reason.LOGGED_OUT_HERE: "To use the account again, start a log-in: POST .../auth/start.",
    Reason.REVOKED: "The session was ended in the Telegram app, or by Telegram. Start a log-in again: POST .../auth/start.",
    Reason.KEY_UNKNOWN: "Telegram no longer knows the session. Start a log-in again: POST .../auth/start.",
    Reason.KEY_DUPLICATED: "Telegram saw the session in two places at once and ended it. Start a log-in again: POST .../auth/start.",
    Reason.BANNED: "Telegram has banned or deleted the account. Appeal to recover@telegram.org, or log another phone number in.",
    Reason.LATER_VERSION: "Wait: a later version of the service has written this state, and an earlier one runs. Nothing is lost.",
    Reason.SESSION_UNREADABLE: "The stored session cannot be decrypted: check the KMS key, or start a log-in again: POST .../auth/start.",
    Reason.QR_EXPIRED: "Nobody scanned the QR code in time. Start again: POST .../auth/qr.",
    Reason.QR_FAILED: "The log-in by QR code ended with the error in `last_error`. Start again: POST .../auth/qr.",
}
"""What people do next, by reason. A test checks that every reason is here."""


class NotAMove(ValueError):
    """A transition that the table does not have: a fault in this program."""


def may_become(now: S, then: S) -> bool:
    """Tell whether an account may go from one state to another."""
    return then is now or (then in {S.LOGGED_OUT, S.FAILED} and now is not S.UNKNOWN) or then in _NEXT[now]


def move(now: S, then: S, reason: Reason) -> dict[str, str]:
    """Return the row's fields for a new state; raises NotAMove if the table does not have the transition."""
    if not may_become(now, then) or reason not in REASONS[then]:
        raise NotAMove(f"{now} -> {then} ({reason})")
    return {"state": then, "reason": reason}


def reason_of(state: S, named: str | None) -> Reason:
    """Return the reason for a state: the row's, if it is a reason for this state, else the state's first reason."""
    return next((reason for reason in REASONS[state] if reason == named), REASONS[state][0])
