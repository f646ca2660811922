"""The one error tree: a stable code, a sentence that is safe to show, and typed details.

An error keeps its form on every hop (listener -> owner client -> HTTP function), so each code is defined once, here.
`functions/http/errors.py` has the HTTP status of each code. The codes are spelt as in the contract.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class Code(StrEnum):
    """Every code that callers can see."""

    # the caller
    INVALID_CREDENTIALS = "invalid_credentials"
    FORBIDDEN = "forbidden"
    OUTBOX_DISABLED = "outbox_disabled"
    NOT_WHITELISTED = "not_whitelisted"
    # the request
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    INVALID_REQUEST = "invalid_request"
    CONTRADICTORY_FIELDS = "contradictory_fields"
    MALFORMED = "malformed"
    REQUEST_TOO_LARGE = "request_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    TENANT_NOT_FOUND = "tenant_not_found"
    INVALID_CALLBACK_URL = "invalid_callback_url"
    TOO_MANY_KEYS = "too_many_keys"
    TOO_MANY_CALLBACKS = "too_many_callbacks"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    REQUEST_IN_PROGRESS = "request_in_progress"
    ROTATION_PENDING = "rotation_pending"
    NO_PROVIDER_TOKEN = "no_provider_token"  # noqa: S105  the code's name, no token
    INVALID_QR = "invalid_qr"
    NO_CALLBACK_URL = "no_callback_url"
    CALLBACK_FAILED = "callback_failed"
    RATE_LIMITED = "rate_limited"
    DELIVERY_NOT_FOUND = "delivery_not_found"
    DELIVERY_UNDER_WAY = "delivery_under_way"
    CALLBACK_DISABLED = "callback_disabled"
    CALLBACK_HEALTHY = "callback_healthy"
    # logging in
    INVALID_PHONE = "invalid_phone"
    RECIPIENT_UNSUPPORTED = "recipient_unsupported"
    PHONE_NOT_REGISTERED = "phone_not_registered"
    PHONE_BANNED = "phone_banned"
    EMAIL_SETUP_REQUIRED = "email_setup_required"
    INVALID_EMAIL = "invalid_email"
    CODE_UNAVAILABLE = "code_unavailable"
    PAYMENT_REQUIRED = "payment_required"
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    TELEGRAM_APP_REJECTED = "telegram_app_rejected"
    TWO_FA_REQUIRED = "2fa_required"
    INVALID_CODE = "invalid_code"
    CODE_EXPIRED = "code_expired"
    BAD_PASSWORD = "bad_password"  # noqa: S105  the code's name, no password
    NOT_STARTED = "not_started"
    NOT_WAITING_2FA = "not_waiting_2fa"
    QR_NOT_FOUND = "qr_not_found"
    QR_EXPIRED = "qr_expired"
    TG_UNAVAILABLE = "tg_unavailable"
    ALREADY_AUTHORIZED = "already_authorized"
    # the proxy
    PROXY_FAILED = "proxy_failed"
    NO_PROXY = "no_proxy"
    INVALID_PROXY = "invalid_proxy"
    # taking a session over
    INVALID_SESSION = "invalid_session"
    SESSION_REVOKED = "session_revoked"
    SESSION_IN_USE = "session_in_use"
    OTHER_CLIENT_RUNNING = "other_client_running"
    # sending
    NOT_AUTHORIZED = "not_authorized"
    PEER_NOT_FOUND = "peer_not_found"
    USER_NOT_FOUND = "user_not_found"
    PHONE_NOT_IN_CONTACTS = "PHONE_NOT_IN_CONTACTS"
    PHONE_NOT_ON_TELEGRAM = "PHONE_NOT_IN_CONTACTS_OR_NOT_ON_TELEGRAM"
    INVITE_LINK = "invite_link"
    MESSAGE_EMPTY = "message_empty"
    MESSAGE_TOO_LONG = "message_too_long"
    INVALID_MARKUP = "invalid_markup"
    REPLY_NOT_FOUND = "reply_not_found"
    QUOTE_NOT_FOUND = "quote_not_found"
    SCHEDULE_REFUSED = "schedule_refused"
    SEND_AS_REFUSED = "send_as_refused"
    FORWARDS_FORBIDDEN = "forwards_forbidden"
    RECIPIENT_DELETED = "recipient_deleted"
    RECIPIENT_IS_BOT = "recipient_is_bot"
    BLOCKED_BY_RECIPIENT = "blocked_by_recipient"
    RECIPIENT_BLOCKED = "recipient_blocked"
    PREMIUM_REQUIRED = "premium_required"
    PAID_MESSAGE = "paid_message"
    TOPIC_CLOSED = "topic_closed"
    SLOW_MODE = "slow_mode"
    REFUSED_BY_TELEGRAM = "refused_by_telegram"
    FORBIDDEN_BY_TELEGRAM = "forbidden_by_telegram"
    PEER_FLOOD = "peer_flood"
    ACCOUNT_FROZEN = "account_frozen"
    PRIVACY_RESTRICTED = "privacy_restricted"
    WRITE_FORBIDDEN = "write_forbidden"
    CONTENT_FORBIDDEN = "content_forbidden"
    ADMIN_REQUIRED = "admin_required"
    NOT_A_MEMBER = "not_a_member"
    PIN_FORBIDDEN = "pin_forbidden"
    POLL_REFUSED = "poll_refused"
    ATTACHMENT_REFUSED = "attachment_refused"
    MESSAGE_NOT_FOUND = "message_not_found"
    MESSAGE_AUTHOR_REQUIRED = "message_author_required"
    EDIT_TIME_EXPIRED = "edit_time_expired"
    REACTION_INVALID = "reaction_invalid"
    # reading
    NOT_A_GROUP = "not_a_group"
    FLOOD_WAIT = "flood_wait"
    OUTCOME_UNKNOWN = "outcome_unknown"
    PARTLY_SENT = "partly_sent"
    NOT_SUPPORTED = "not_supported"
    # media
    MEDIA_NOT_FOUND = "media_not_found"
    MEDIA_EXPIRED = "media_expired"
    MEDIA_SELF_DESTRUCTS = "media_self_destructs"
    MEDIA_HAS_NO_THUMBNAIL = "media_has_no_thumbnail"
    ATTACHMENT_UNREACHABLE = "attachment_unreachable"
    ATTACHMENT_TOO_LARGE = "attachment_too_large"
    ATTACHMENTS_UNDER_WAY = "attachments_under_way"
    UPLOAD_NOT_FOUND = "upload_not_found"
    # faults
    TELEGRAM_UNAVAILABLE = "telegram_unavailable"
    TELEGRAM_ERROR = "telegram_error"
    TELEGRAM_LAYER_REJECTED = "telegram_layer_rejected"
    UNAVAILABLE = "unavailable"
    NOT_MINE = "not_mine"
    INTERNAL_ERROR = "internal_error"


DETAILS: dict[Code, str] = {
    Code.PROXY_FAILED: "Telegram cannot be reached through the account's proxy. Nothing connects past it: correct the proxy, or remove it.",
    Code.NO_PROXY: "The account has no proxy.",
    Code.INVALID_PROXY: "This proxy cannot be used.",
    Code.INVALID_SESSION: "This is no session string that can be read.",
    Code.SESSION_REVOKED: "Telegram does not accept this session any more: it was ended, or its key is unknown. Log in by phone instead.",
    Code.SESSION_IN_USE: "Another account here uses this session already. A session can be used in one place: log that account out first.",
    Code.OTHER_CLIENT_RUNNING: (
        "Stop the client that used this session, for good, then send `other_client_stopped: true`. Telegram ends a session that sends over "
        "two connections at once (AUTH_KEY_DUPLICATED), and then both clients have lost it."
    ),
    Code.INVALID_CREDENTIALS: "The credentials are missing or wrong.",
    Code.FORBIDDEN: "This key's scopes do not allow that.",
    Code.NOT_FOUND: "There is nothing at this address.",
    Code.METHOD_NOT_ALLOWED: "This address does not take that method.",
    Code.INVALID_REQUEST: "The request does not have the form that this route takes.",
    Code.CONTRADICTORY_FIELDS: "These fields do not go together. `fields` says what is wrong. Nothing was done.",
    Code.MALFORMED: "This is not a request that HTTP allows.",
    Code.REQUEST_TOO_LARGE: "The request's body is too large.",
    Code.UNSUPPORTED_MEDIA_TYPE: "Send JSON in UTF-8, with `Content-Type: application/json`.",
    Code.TENANT_NOT_FOUND: "There is no such tenant.",
    Code.INVALID_CALLBACK_URL: "The callback URL cannot be used.",
    Code.TOO_MANY_CALLBACKS: "The tenant has as many callbacks as it may have. Delete one that is no longer used.",
    Code.TOO_MANY_KEYS: "The tenant has as many keys as it may have. Delete one that is no longer used.",
    Code.IDEMPOTENCY_KEY_REUSED: "Another request came with this Idempotency-Key in the last 24 hours. Use a new key for a new request.",
    Code.REQUEST_IN_PROGRESS: "A request with this Idempotency-Key is under way. Repeat it after `retry_after_seconds`, at the latest.",
    Code.ROTATION_PENDING: "Too many signing secrets are valid already, or another rotation came in between. End the previous ones first.",
    Code.NO_PROVIDER_TOKEN: "The tenant has no provider token yet: GET /admin/provider-token/{tenant} makes it.",
    Code.INVALID_QR: "`svg` should be the QR code as an SVG image, without scripts and without links to elsewhere.",
    Code.NO_CALLBACK_URL: "The tenant has no callback_url.",
    Code.CALLBACK_FAILED: "The callback did not answer with 2xx.",
    Code.RATE_LIMITED: "That was asked for too often. Wait, then ask again.",
    Code.DELIVERY_NOT_FOUND: "There is no delivery of such an event, or it is older than the log.",
    Code.DELIVERY_UNDER_WAY: "The event is being delivered already: its next attempt follows within seconds.",
    Code.CALLBACK_DISABLED: "The callback is disabled. Enable it first: set callback_url again, or POST .../callback/retry.",
    Code.CALLBACK_HEALTHY: "The callback is healthy and no event waits for it: there is nothing to retry.",
    Code.OUTBOX_DISABLED: "This deployment sends nothing by this route: the operator sets OUTBOX_ENABLED. Nothing was sent.",
    Code.NOT_WHITELISTED: "The recipient is not in the operator's OUTBOX_WHITELIST. Nothing was sent.",
    Code.RECIPIENT_UNSUPPORTED: "WhatsApp groups, broadcasts, newsletters and hidden ids cannot be written to yet. Nothing was sent.",
    Code.INVALID_PHONE: "This is not a phone number in international form: begin with + and the country code, like +79001234567.",
    Code.PHONE_NOT_REGISTERED: "There is no Telegram account with this phone number. Sign up in a Telegram app first.",
    Code.PHONE_BANNED: "Telegram has banned this phone number.",
    Code.EMAIL_SETUP_REQUIRED: "Telegram wants a log-in e-mail to be set up first. Call auth/email with an address, then auth/email/verify "
    "with the code that comes there.",
    Code.INVALID_EMAIL: "Telegram does not take this e-mail address. Give another one.",
    Code.CODE_UNAVAILABLE: "Telegram has no further way to send a code to this phone. Wait, then start again.",
    Code.PAYMENT_REQUIRED: "Telegram wants a payment before it sends a code to this phone.",
    Code.TOO_MANY_ATTEMPTS: "Too many attempts for this phone. Wait before trying again.",
    Code.TELEGRAM_APP_REJECTED: "Telegram rejected the deployment's api_id or api_hash.",
    Code.TWO_FA_REQUIRED: "The account has two-step verification: call verify again with the password.",
    Code.INVALID_CODE: "The code is wrong.",
    Code.CODE_EXPIRED: "The code has expired. Call auth/start for a new one.",
    Code.BAD_PASSWORD: "The password is wrong. The code stays accepted: call verify again with the right password.",
    Code.NOT_STARTED: "No log-in is under way for this phone. Call auth/start first.",
    Code.NOT_WAITING_2FA: "No log-in waits for the password: its code was not given, or its QR code not scanned yet.",
    Code.QR_NOT_FOUND: "There is no QR code of this `qr_id`. The status has the present one; start again if it has none.",
    Code.QR_EXPIRED: "This QR code has expired. The status has the present one; start again if it has none.",
    Code.TG_UNAVAILABLE: "Telegram, or the account's connection to it, cannot be reached right now. Ask again shortly.",
    Code.ALREADY_AUTHORIZED: "The account is logged in already.",
    Code.NOT_AUTHORIZED: "The account is not logged in.",
    Code.PEER_NOT_FOUND: "No such chat is known to this account. Name it by @username, or by an id that an event carried. "
    "Phone numbers begin with +.",
    Code.USER_NOT_FOUND: "There is no Telegram user with this name.",
    Code.PHONE_NOT_IN_CONTACTS: "Telegram finds nobody by this phone number, and it is in no contact of this account. With "
    "`allow_import_contact` it is added to the contacts, which finds more people.",
    Code.PHONE_NOT_ON_TELEGRAM: "Nobody with this phone number is on Telegram, or they do not let themselves be found by it.",
    Code.INVITE_LINK: "An invite link names no chat that can be written to. Join the chat in a Telegram app, then name it by its id.",
    Code.MESSAGE_EMPTY: "Telegram sees no text in this message.",
    Code.INVALID_MARKUP: "The text's markup is wrong. Nothing was sent.",
    Code.QUOTE_NOT_FOUND: "The answered message does not have the quoted text: nothing was sent. Leave `quote` out, or correct it.",
    Code.SCHEDULE_REFUSED: "Telegram does not take this time (`telegram_error` is its name for why): nothing was sent.",
    Code.SEND_AS_REFUSED: "This account may not write under that name in that chat: nothing was sent.",
    Code.FORWARDS_FORBIDDEN: "The chat or user does not allow that their messages are forwarded: nothing was sent.",
    Code.REPLY_NOT_FOUND: "There is no message of this number in this chat: nothing was sent. Leave `reply_to` out, or correct it.",
    Code.RECIPIENT_DELETED: "The recipient's Telegram account was deleted.",
    Code.RECIPIENT_IS_BOT: "The recipient is a bot, and Telegram does not let this account write to it.",
    Code.BLOCKED_BY_RECIPIENT: "The recipient has blocked this account.",
    Code.RECIPIENT_BLOCKED: "This account has blocked the recipient. Unblock them in the Telegram app first.",
    Code.PREMIUM_REQUIRED: "That needs Telegram Premium: only such accounts, or contacts, may write to this recipient, or do this.",
    Code.PAID_MESSAGE: "Messages to this recipient cost Telegram Stars (`price_stars` each, where it is known): nothing was sent or paid.",
    Code.TOPIC_CLOSED: "The topic is closed, deleted or was never there: nothing can be written in it.",
    Code.SLOW_MODE: "This chat is in slow mode. Send again after `retry_after_seconds`.",
    Code.REFUSED_BY_TELEGRAM: "Telegram refused the request. `telegram_error` is its name for why; the same request will be refused again.",
    Code.FORBIDDEN_BY_TELEGRAM: "Telegram does not allow this account to do that. `telegram_error` is its name for why.",
    Code.MESSAGE_TOO_LONG: "Telegram takes at most 4096 characters in one message, fewer in a caption. Markup does not count; an emoji "
    "counts as two or more.",
    Code.PEER_FLOOD: "Telegram does not let this account write to strangers for now.",
    Code.ACCOUNT_FROZEN: "Telegram has frozen this account: nothing can be sent until an appeal succeeds.",
    Code.PRIVACY_RESTRICTED: "The recipient's privacy settings do not allow this.",
    Code.WRITE_FORBIDDEN: "This account may not write in that chat.",
    Code.CONTENT_FORBIDDEN: "That chat or user does not take this kind of message (`telegram_error` says which). Nothing was sent: send "
    "another kind, such as a plain text.",
    Code.ADMIN_REQUIRED: "Only an admin of that chat who has the right to may do this. Have an admin give this account the right.",
    Code.NOT_A_MEMBER: "This account is not in that chat. Join it in the Telegram app first.",
    Code.PIN_FORBIDDEN: "Telegram does not let this account pin messages in that chat.",
    Code.POLL_REFUSED: "Telegram does not take this poll (`telegram_error` says what is wrong with it). Nothing was sent.",
    Code.ATTACHMENT_REFUSED: "An attachment cannot be used. Nothing was sent.",
    Code.MESSAGE_NOT_FOUND: "There is no such message in this chat. Take `message_id` and the chat "
    "from one event, or from the answer to a send.",
    Code.MESSAGE_AUTHOR_REQUIRED: "Only who wrote a message can do that to it.",
    Code.EDIT_TIME_EXPIRED: "This message is too old to be edited. Send another one.",
    Code.REACTION_INVALID: "This chat does not take that reaction, or not so many.",
    Code.NOT_A_GROUP: "This is a chat with one person: it has no list of members.",
    Code.FLOOD_WAIT: "Telegram asks this account to wait.",
    Code.OUTCOME_UNKNOWN: "It is not known whether that was done: the answer did not come in time. With an "
    "`Idempotency-Key`, repeat the request within ten minutes. Without one look at the chat first: a second request is a second message.",
    Code.PARTLY_SENT: "Some of the messages were sent (`message_ids`), and Telegram refused the rest (`cause` is the code of why).",
    Code.NOT_SUPPORTED: "This is not supported yet.",
    Code.MEDIA_NOT_FOUND: "There is no such media in this tenant: take the `id` from an event as it is.",
    Code.MEDIA_EXPIRED: "The message is gone, or has no such media any more: it was deleted, edited, or its chat was left.",
    Code.MEDIA_SELF_DESTRUCTS: "This photo or video destroys itself once it is viewed. It is not kept here: view it in a Telegram app.",
    Code.MEDIA_HAS_NO_THUMBNAIL: "Telegram has no thumbnail of this media. Ask for the media itself, without `thumbnail`.",
    Code.ATTACHMENT_UNREACHABLE: "An attachment cannot be fetched from its address. Nothing was sent.",
    Code.ATTACHMENT_TOO_LARGE: "An attachment is larger than Telegram takes (2 GB). Nothing was sent.",
    Code.ATTACHMENTS_UNDER_WAY: "The attachments are still on their way to Telegram, and nothing was sent. Send the same request again: "
    "what has arrived is not moved again.",
    Code.UPLOAD_NOT_FOUND: "There is no such upload, or no file was put there, or it is older than a day. Nothing was sent.",
    Code.TELEGRAM_UNAVAILABLE: "Telegram cannot be reached right now.",
    Code.TELEGRAM_ERROR: "Telegram answered in a way that we did not expect. `telegram_error` is its name for it.",
    Code.TELEGRAM_LAYER_REJECTED: "Telegram does not understand this version of Avio any more (`telegram_error` says what). Nothing was "
    "done: have your operator update it.",
    Code.UNAVAILABLE: "The account's connection is moving or not up yet. Try again shortly.",
    Code.NOT_MINE: "Another worker holds this account.",
    Code.INTERNAL_ERROR: "Something went wrong on our side.",
}


class AvioError(Exception):
    """An outcome the caller has to know about.

    `retry_after_s` is in seconds. `fields` are the code's own fields, JSON-ready; never codes, passwords, keys or text.
    """

    def __init__(self, code: Code, detail: str | None = None, *, retry_after_s: float | None = None, **fields: Any) -> None:
        super().__init__(code.value)
        self.code = code
        self.detail = detail or DETAILS[code]
        self.retry_after_s = retry_after_s
        self.fields = fields

    def to_json(self) -> dict[str, Any]:
        """Return the error as it crosses a wire; `from_json` reads it."""
        body = {"error": self.code.value, "detail": self.detail, **self.fields}
        return body if self.retry_after_s is None else {**body, "retry_after_seconds": self.retry_after_s}

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> AvioError:
        """Return the error that `to_json` wrote; a code this side does not know becomes `internal_error`."""
        fields = {key: value for key, value in body.items() if key not in {"ok", "error", "detail", "retry_after_seconds"}}
        try:
            code = Code(body["error"])
        except (KeyError, ValueError):
            return cls(Code.INTERNAL_ERROR)
        return cls(code, body.get("detail"), retry_after_s=body.get("retry_after_seconds"), **fields)
