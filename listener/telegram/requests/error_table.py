"""Our code for each of Telegram's errors: by name first, then by number.

The names are Telegram's own, without the numbers in them. Telegram lists the errors of sending at
https://core.telegram.org/method/messages.sendMessage, those of logging in at https://core.telegram.org/method/auth.signIn, and the
meaning of the numbers at https://core.telegram.org/api/errors:

    303           another data centre   telegram_error, ours
    400, 406      the request           refused_by_telegram, the caller's
    401, 404      the session, the API  telegram_error, ours (what ends a session has a name, in errors.py)
    403           a right that lacks    forbidden_by_telegram, the caller's
    420           a wait                flood_wait, with its seconds
    500, 503      Telegram's own fault  telegram_unavailable, may be tried again

Names come before numbers because the numbers are unreliable: 406 means a dozen things, 401 also a wanted password.
"""

from __future__ import annotations

from collections.abc import Mapping

from shared.errors import Code

LOGGING_IN: dict[str, Code] = {
    "PHONE_NUMBER_INVALID": Code.INVALID_PHONE,
    "PHONE_NUMBER_UNOCCUPIED": Code.PHONE_NOT_REGISTERED,
    "PHONE_NUMBER_BANNED": Code.PHONE_BANNED,
    "PHONE_NUMBER_FLOOD": Code.TOO_MANY_ATTEMPTS,
    "PHONE_PASSWORD_FLOOD": Code.TOO_MANY_ATTEMPTS,
    "SEND_CODE_UNAVAILABLE": Code.CODE_UNAVAILABLE,
    "API_ID_INVALID": Code.TELEGRAM_APP_REJECTED,
    "API_ID_PUBLISHED_FLOOD": Code.TELEGRAM_APP_REJECTED,
    "UPDATE_APP_TO_LOGIN": Code.TELEGRAM_APP_REJECTED,
    "PHONE_CODE_INVALID": Code.INVALID_CODE,
    "PHONE_CODE_EMPTY": Code.INVALID_CODE,
    "PHONE_CODE_HASH_EMPTY": Code.CODE_EXPIRED,
    "PHONE_CODE_EXPIRED": Code.CODE_EXPIRED,
    "EMAIL_VERIFY_EXPIRED": Code.CODE_EXPIRED,
    "AUTH_RESTART": Code.CODE_EXPIRED,
    "PASSWORD_HASH_INVALID": Code.BAD_PASSWORD,
    "SESSION_PASSWORD_NEEDED": Code.NOT_AUTHORIZED,  # at sign-in it means that the code was right: login_requests.sign_in
}

SENDING: dict[str, Code] = {
    "MESSAGE_EMPTY": Code.MESSAGE_EMPTY,
    "MESSAGE_TOO_LONG": Code.MESSAGE_TOO_LONG,
    "REPLY_MESSAGE_ID_INVALID": Code.REPLY_NOT_FOUND,
    "REPLY_TO_INVALID": Code.REPLY_NOT_FOUND,
    "REPLY_TO_USER_INVALID": Code.REPLY_NOT_FOUND,
    "QUOTE_TEXT_INVALID": Code.QUOTE_NOT_FOUND,
    "SCHEDULE_DATE_INVALID": Code.SCHEDULE_REFUSED,
    "SCHEDULE_DATE_TOO_LATE": Code.SCHEDULE_REFUSED,
    "SCHEDULE_TOO_MUCH": Code.SCHEDULE_REFUSED,
    "SCHEDULE_STATUS_PRIVATE": Code.SCHEDULE_REFUSED,
    "SEND_AS_PEER_INVALID": Code.SEND_AS_REFUSED,
    "CHAT_FORWARDS_RESTRICTED": Code.FORWARDS_FORBIDDEN,
    "MESSAGE_IDS_EMPTY": Code.MESSAGE_NOT_FOUND,
    "PHONE_NOT_OCCUPIED": Code.PHONE_NOT_IN_CONTACTS,
    "CHAT_SEND_POLL_FORBIDDEN": Code.WRITE_FORBIDDEN,
    "CHAT_SEND_MEDIA_FORBIDDEN": Code.WRITE_FORBIDDEN,
    "PEER_FLOOD": Code.PEER_FLOOD,
    "FROZEN_METHOD_INVALID": Code.ACCOUNT_FROZEN,
    "FROZEN_PARTICIPANT_MISSING": Code.ACCOUNT_FROZEN,
    "PEER_ID_INVALID": Code.PEER_NOT_FOUND,
    "USER_ID_INVALID": Code.PEER_NOT_FOUND,
    "CHANNEL_INVALID": Code.PEER_NOT_FOUND,
    "CHANNEL_PRIVATE": Code.PEER_NOT_FOUND,
    "CHAT_ID_INVALID": Code.PEER_NOT_FOUND,
    "USERNAME_INVALID": Code.USER_NOT_FOUND,
    "USERNAME_NOT_OCCUPIED": Code.USER_NOT_FOUND,
    "INPUT_USER_DEACTIVATED": Code.RECIPIENT_DELETED,
    "USER_DELETED": Code.RECIPIENT_DELETED,
    "USER_IS_BOT": Code.RECIPIENT_IS_BOT,
    "USER_IS_BLOCKED": Code.BLOCKED_BY_RECIPIENT,
    "YOU_BLOCKED_USER": Code.RECIPIENT_BLOCKED,
    "USER_PRIVACY_RESTRICTED": Code.PRIVACY_RESTRICTED,
    "PRIVACY_PREMIUM_REQUIRED": Code.PREMIUM_REQUIRED,
    "PREMIUM_ACCOUNT_REQUIRED": Code.PREMIUM_REQUIRED,
    "ALLOW_PAYMENT_REQUIRED": Code.PAID_MESSAGE,
    "BALANCE_TOO_LOW": Code.PAID_MESSAGE,
    "PAYMENT_UNSUPPORTED": Code.PAID_MESSAGE,
    "TOPIC_CLOSED": Code.TOPIC_CLOSED,
    "TOPIC_DELETED": Code.TOPIC_CLOSED,
    "SLOWMODE_WAIT": Code.SLOW_MODE,
    "CHAT_WRITE_FORBIDDEN": Code.WRITE_FORBIDDEN,
    "CHAT_ADMIN_REQUIRED": Code.WRITE_FORBIDDEN,
    "CHAT_RESTRICTED": Code.WRITE_FORBIDDEN,
    "USER_BANNED_IN_CHANNEL": Code.WRITE_FORBIDDEN,
    "CHAT_GUEST_SEND_FORBIDDEN": Code.WRITE_FORBIDDEN,
    "CHAT_FORBIDDEN": Code.WRITE_FORBIDDEN,
    "CHAT_SEND_PLAIN_FORBIDDEN": Code.WRITE_FORBIDDEN,
    "BROADCAST_FORBIDDEN": Code.WRITE_FORBIDDEN,
    "RIGHT_FORBIDDEN": Code.WRITE_FORBIDDEN,
}

CHANGING: dict[str, Code] = {
    "MESSAGE_ID_INVALID": Code.MESSAGE_NOT_FOUND,
    "MSG_ID_INVALID": Code.MESSAGE_NOT_FOUND,
    "MESSAGE_AUTHOR_REQUIRED": Code.MESSAGE_AUTHOR_REQUIRED,
    "MESSAGE_DELETE_FORBIDDEN": Code.MESSAGE_AUTHOR_REQUIRED,
    "MESSAGE_EDIT_TIME_EXPIRED": Code.EDIT_TIME_EXPIRED,
    "REACTION_INVALID": Code.REACTION_INVALID,
    "REACTIONS_TOO_MANY": Code.REACTION_INVALID,
}

NAMES = {**LOGGING_IN, **SENDING, **CHANGING}

READING: dict[str, Code] = {
    **NAMES,
    "CHANNEL_PRIVATE": Code.CHAT_PRIVATE,
    "CHANNEL_PUBLIC_GROUP_NA": Code.CHAT_PRIVATE,
    "CHAT_FORBIDDEN": Code.CHAT_PRIVATE,
    "CHAT_ADMIN_REQUIRED": Code.FORBIDDEN_BY_TELEGRAM,
}
"""The names of errors that mean something else to who only reads."""

_NUMBERS: dict[int, Code] = {
    400: Code.REFUSED_BY_TELEGRAM,
    403: Code.FORBIDDEN_BY_TELEGRAM,
    406: Code.REFUSED_BY_TELEGRAM,
    420: Code.FLOOD_WAIT,
    500: Code.TELEGRAM_UNAVAILABLE,
    503: Code.TELEGRAM_UNAVAILABLE,
}

WAITS = {Code.FLOOD_WAIT, Code.SLOW_MODE, Code.TOO_MANY_ATTEMPTS}
"""Codes that tell when to try again."""

UNNAMED_WAIT_S = 60
"""The wait in seconds if Telegram names none."""


def code_for(name: str, number: int, names: Mapping[str, Code] = NAMES) -> Code:
    """Return the code for an error's name (without the numbers in it) and number, which may be negative."""
    return names.get(name) or _NUMBERS.get(abs(number), Code.TELEGRAM_ERROR)
