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

A code is for what can be done about an error, so most codes stand for several names; `telegram_error` has the name. Names come before
numbers because the numbers are unreliable: 406 means a dozen things, 401 also a wanted password.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from shared.errors import Code

LOGGING_IN: dict[str, Code] = {
    "PHONE_NUMBER_INVALID": Code.INVALID_PHONE,
    "PHONE_NUMBER_UNOCCUPIED": Code.PHONE_NOT_REGISTERED,
    "PHONE_NUMBER_BANNED": Code.PHONE_BANNED,
    "PHONE_NUMBER_FLOOD": Code.TOO_MANY_ATTEMPTS,
    "PHONE_PASSWORD_FLOOD": Code.TOO_MANY_ATTEMPTS,
    "PHONE_NUMBER_APP_SIGNUP_FORBIDDEN": Code.PHONE_NOT_REGISTERED,
    "SEND_CODE_UNAVAILABLE": Code.CODE_UNAVAILABLE,
    "SMS_CODE_CREATE_FAILED": Code.CODE_UNAVAILABLE,
    "API_ID_INVALID": Code.TELEGRAM_APP_REJECTED,
    "API_ID_PUBLISHED_FLOOD": Code.TELEGRAM_APP_REJECTED,
    "UPDATE_APP_TO_LOGIN": Code.TELEGRAM_APP_REJECTED,
    "PHONE_CODE_INVALID": Code.INVALID_CODE,
    "PHONE_CODE_EMPTY": Code.INVALID_CODE,
    "CODE_INVALID": Code.INVALID_CODE,
    "CODE_EMPTY": Code.INVALID_CODE,
    "EMAIL_CODE_INVALID": Code.INVALID_CODE,
    "EMAIL_INVALID": Code.INVALID_EMAIL,
    "EMAIL_NOT_ALLOWED": Code.INVALID_EMAIL,
    "PHONE_CODE_HASH_EMPTY": Code.CODE_EXPIRED,
    "PHONE_CODE_EXPIRED": Code.CODE_EXPIRED,
    "PHONE_HASH_EXPIRED": Code.CODE_EXPIRED,
    "EMAIL_VERIFY_EXPIRED": Code.CODE_EXPIRED,
    "EMAIL_HASH_EXPIRED": Code.CODE_EXPIRED,
    "AUTH_RESTART": Code.CODE_EXPIRED,
    "PASSWORD_HASH_INVALID": Code.BAD_PASSWORD,
    "SESSION_PASSWORD_NEEDED": Code.NOT_AUTHORIZED,  # at sign-in it means that the code was right: login_requests.sign_in
}

SENDING: dict[str, Code] = {
    "MESSAGE_EMPTY": Code.MESSAGE_EMPTY,
    "MESSAGE_TOO_LONG": Code.MESSAGE_TOO_LONG,
    "MEDIA_CAPTION_TOO_LONG": Code.MESSAGE_TOO_LONG,
    "ENTITIES_TOO_LONG": Code.INVALID_MARKUP,
    "ENTITY_BOUNDS_INVALID": Code.INVALID_MARKUP,
    "ENTITY_MENTION_USER_INVALID": Code.INVALID_MARKUP,
    "REPLY_MESSAGE_ID_INVALID": Code.REPLY_NOT_FOUND,
    "REPLY_TO_INVALID": Code.REPLY_NOT_FOUND,
    "REPLY_TO_USER_INVALID": Code.REPLY_NOT_FOUND,
    "REPLY_TO_MONOFORUM_PEER_INVALID": Code.REPLY_NOT_FOUND,
    "QUOTE_TEXT_INVALID": Code.QUOTE_NOT_FOUND,
    "SCHEDULE_DATE_INVALID": Code.SCHEDULE_REFUSED,
    "SCHEDULE_DATE_TOO_LATE": Code.SCHEDULE_REFUSED,
    "SCHEDULE_TOO_MUCH": Code.SCHEDULE_REFUSED,
    "SCHEDULE_STATUS_PRIVATE": Code.SCHEDULE_REFUSED,
    "SEND_AS_PEER_INVALID": Code.SEND_AS_REFUSED,
    "CHAT_FORWARDS_RESTRICTED": Code.FORWARDS_FORBIDDEN,
    "MESSAGE_IDS_EMPTY": Code.MESSAGE_NOT_FOUND,
    "PHONE_NOT_OCCUPIED": Code.PHONE_NOT_IN_CONTACTS,
    "PEER_FLOOD": Code.PEER_FLOOD,
    "FROZEN_METHOD_INVALID": Code.ACCOUNT_FROZEN,
    "FROZEN_PARTICIPANT_MISSING": Code.ACCOUNT_FROZEN,
    "ALLOW_PAYMENT_REQUIRED": Code.PAID_MESSAGE,
    "BALANCE_TOO_LOW": Code.PAID_MESSAGE,
    "PAYMENT_UNSUPPORTED": Code.PAID_MESSAGE,
    "SLOWMODE_WAIT": Code.SLOW_MODE,
}

TO_WHOM: dict[str, Code] = {
    "PEER_ID_INVALID": Code.PEER_NOT_FOUND,
    "PEER_ID_NOT_SUPPORTED": Code.PEER_NOT_FOUND,
    "USER_ID_INVALID": Code.PEER_NOT_FOUND,
    "USER_INVALID": Code.PEER_NOT_FOUND,
    "PARTICIPANT_ID_INVALID": Code.PEER_NOT_FOUND,
    "CHANNEL_INVALID": Code.PEER_NOT_FOUND,
    "CHANNEL_ID_INVALID": Code.PEER_NOT_FOUND,
    "CHANNEL_PRIVATE": Code.PEER_NOT_FOUND,
    "CHANNEL_PUBLIC_GROUP_NA": Code.PEER_NOT_FOUND,
    "CHAT_INVALID": Code.PEER_NOT_FOUND,
    "CHAT_ID_EMPTY": Code.PEER_NOT_FOUND,
    "CHAT_ID_INVALID": Code.PEER_NOT_FOUND,
    "USERNAME_INVALID": Code.USER_NOT_FOUND,
    "USERNAME_NOT_OCCUPIED": Code.USER_NOT_FOUND,
    "INPUT_USER_DEACTIVATED": Code.RECIPIENT_DELETED,
    "USER_DELETED": Code.RECIPIENT_DELETED,
    "USER_IS_BOT": Code.RECIPIENT_IS_BOT,
    "USER_IS_BLOCKED": Code.BLOCKED_BY_RECIPIENT,
    "USER_BLOCKED": Code.BLOCKED_BY_RECIPIENT,
    "YOU_BLOCKED_USER": Code.RECIPIENT_BLOCKED,
    "USER_PRIVACY_RESTRICTED": Code.PRIVACY_RESTRICTED,
    "USER_NOT_MUTUAL_CONTACT": Code.PRIVACY_RESTRICTED,
    "PRIVACY_PREMIUM_REQUIRED": Code.PREMIUM_REQUIRED,
    "PREMIUM_ACCOUNT_REQUIRED": Code.PREMIUM_REQUIRED,
    "TOPIC_CLOSED": Code.TOPIC_CLOSED,
    "TOPIC_DELETED": Code.TOPIC_CLOSED,
    "TOPIC_ID_INVALID": Code.TOPIC_CLOSED,
    "CHAT_WRITE_FORBIDDEN": Code.WRITE_FORBIDDEN,
    "CHAT_RESTRICTED": Code.WRITE_FORBIDDEN,
    "CHAT_FORBIDDEN": Code.WRITE_FORBIDDEN,
    "USER_BANNED_IN_CHANNEL": Code.WRITE_FORBIDDEN,
    "USER_RESTRICTED": Code.WRITE_FORBIDDEN,
    "USER_KICKED": Code.WRITE_FORBIDDEN,
    "CHAT_GUEST_SEND_FORBIDDEN": Code.NOT_A_MEMBER,
    "USER_NOT_PARTICIPANT": Code.NOT_A_MEMBER,
    "BROADCAST_FORBIDDEN": Code.ADMIN_REQUIRED,
    "CHAT_ADMIN_REQUIRED": Code.ADMIN_REQUIRED,
    "RIGHT_FORBIDDEN": Code.ADMIN_REQUIRED,
    "PIN_RESTRICTED": Code.PIN_FORBIDDEN,
}
"""A recipient, a chat, and this account's rights there."""

CONTENT: dict[str, Code] = {
    "VOICE_MESSAGES_FORBIDDEN": Code.CONTENT_FORBIDDEN,
    **dict.fromkeys(
        (
            "BROADCAST_PUBLIC_VOTERS_FORBIDDEN",
            "MESSAGE_POLL_CLOSED",
            "OPTIONS_TOO_MUCH",
            "POLL_ANSWERS_INVALID",
            "POLL_ANSWER_INVALID",
            "POLL_OPTION_DUPLICATE",
            "POLL_OPTION_INVALID",
            "POLL_QUESTION_INVALID",
            "POLL_UNSUPPORTED",
            "QUIZ_ANSWER_MISSING",
            "QUIZ_CORRECT_ANSWERS_EMPTY",
            "QUIZ_CORRECT_ANSWERS_TOO_MUCH",
            "QUIZ_CORRECT_ANSWER_INVALID",
            "QUIZ_MULTIPLE_INVALID",
        ),
        Code.POLL_REFUSED,
    ),
    **dict.fromkeys(
        (
            "AUDIO_CONTENT_URL_EMPTY",
            "AUDIO_TITLE_EMPTY",
            "DOCUMENT_INVALID",
            "EXTERNAL_URL_INVALID",
            "FILE_CONTENT_TYPE_INVALID",
            "FILE_EMTPY",
            "FILE_ID_INVALID",
            "FILE_PARTS_INVALID",
            "FILE_PART_EMPTY",
            "FILE_PART_INVALID",
            "FILE_PART_LENGTH_INVALID",
            "FILE_PART_MISSING",
            "FILE_PART_SIZE_CHANGED",
            "FILE_PART_SIZE_INVALID",
            "FILE_PART_TOO_BIG",
            "FILE_TITLE_EMPTY",
            "GIF_CONTENT_TYPE_INVALID",
            "GROUPED_MEDIA_INVALID",
            "IMAGE_PROCESS_FAILED",
            "INPUT_FILE_INVALID",
            "MD5_CHECKSUM_INVALID",
            "MEDIA_EMPTY",
            "MEDIA_GROUPED_INVALID",
            "MEDIA_INVALID",
            "MEDIA_NEW_INVALID",
            "MEDIA_PREV_INVALID",
            "MEDIA_TTL_INVALID",
            "MULTI_MEDIA_TOO_LONG",
            "PHOTO_CONTENT_TYPE_INVALID",
            "PHOTO_CONTENT_URL_EMPTY",
            "PHOTO_EXT_INVALID",
            "PHOTO_FILE_MISSING",
            "PHOTO_ID_INVALID",
            "PHOTO_INVALID",
            "PHOTO_INVALID_DIMENSIONS",
            "PHOTO_SAVE_FILE_INVALID",
            "STICKER_DOCUMENT_INVALID",
            "TTL_MEDIA_INVALID",
            "VIDEO_CONTENT_TYPE_INVALID",
            "VIDEO_FILE_INVALID",
            "VIDEO_TITLE_EMPTY",
            "WC_CONVERT_URL_INVALID",
            "WEBPAGE_CURL_FAILED",
            "WEBPAGE_MEDIA_EMPTY",
            "WEBPAGE_NOT_FOUND",
        ),
        Code.ATTACHMENT_REFUSED,
    ),
}
"""What a message is made of. A whole family of names, CHAT_SEND_..._FORBIDDEN, is in `FAMILIES`."""

CHANGING: dict[str, Code] = {
    "MESSAGE_ID_INVALID": Code.MESSAGE_NOT_FOUND,
    "MSG_ID_INVALID": Code.MESSAGE_NOT_FOUND,
    "MESSAGE_AUTHOR_REQUIRED": Code.MESSAGE_AUTHOR_REQUIRED,
    "MESSAGE_DELETE_FORBIDDEN": Code.MESSAGE_AUTHOR_REQUIRED,
    "INLINE_BOT_REQUIRED": Code.MESSAGE_AUTHOR_REQUIRED,
    "MESSAGE_EDIT_TIME_EXPIRED": Code.EDIT_TIME_EXPIRED,
    "MSG_TOO_OLD": Code.EDIT_TIME_EXPIRED,
    "REACTION_INVALID": Code.REACTION_INVALID,
    "REACTION_EMPTY": Code.REACTION_INVALID,
    "REACTIONS_TOO_MANY": Code.REACTION_INVALID,
    "CUSTOM_REACTIONS_TOO_MANY": Code.REACTION_INVALID,
    "ANONYMOUS_REACTIONS_DISABLED": Code.REACTION_INVALID,
}

OURS: dict[str, Code] = {
    "CONNECTION_API_ID_INVALID": Code.TELEGRAM_APP_REJECTED,
    "METHOD_INVALID": Code.TELEGRAM_LAYER_REJECTED,
    "TYPE_CONSTRUCTOR_INVALID": Code.TELEGRAM_LAYER_REJECTED,
    "MSG_WAIT_FAILED": Code.TELEGRAM_UNAVAILABLE,
}
"""What no caller can do anything about; the families of INPUT_... and CONNECTION_... are in `FAMILIES`."""

TABLES = (LOGGING_IN, SENDING, TO_WHOM, CONTENT, CHANGING, OURS)
NAMES = {name: code for table in TABLES for name, code in table.items()}

FAMILIES: dict[str, Code] = {
    "CHAT_SEND_*_FORBIDDEN": Code.CONTENT_FORBIDDEN,
    "CONNECTION_*": Code.TELEGRAM_LAYER_REJECTED,
    "INPUT_CONSTRUCTOR_INVALID*": Code.TELEGRAM_LAYER_REJECTED,
    "INPUT_FETCH_*": Code.TELEGRAM_LAYER_REJECTED,
    "INPUT_LAYER_INVALID*": Code.TELEGRAM_LAYER_REJECTED,
    "INPUT_METHOD_INVALID*": Code.TELEGRAM_LAYER_REJECTED,
    "INPUT_REQUEST_TOO_LONG*": Code.TELEGRAM_LAYER_REJECTED,
}
"""Patterns of names: Telegram adds a name for each kind of message, and puts constructors and methods into names."""

READING: dict[str, Code] = {
    **NAMES,
    **dict.fromkeys(("CHANNEL_PRIVATE", "CHANNEL_PUBLIC_GROUP_NA", "CHAT_FORBIDDEN"), Code.NOT_A_MEMBER),
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
    of_family = (code for pattern, code in FAMILIES.items() if fnmatchcase(name, pattern))
    return names.get(name) or next(of_family, None) or _NUMBERS.get(abs(number), Code.TELEGRAM_ERROR)
