"""What Telegram says of the code that it sent: how it travels, and what whoever types it has to know.

Every way is told, https://core.telegram.org/api/auth#code-types. `form` says what the code is:

    digits         `length` digits
    word, phrase   from an SMS; it begins with `beginning`
    caller_number  a call that ends at once; the number that called is the code, and it matches `pattern`
    caller_digits  the same; the code is the last `length` digits of the number that called, which begins with `beginning`
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from telethon.tl import types

from listener.telegram.session import PendingLogin
from shared.errors import AvioError, Code

RESEND_AFTER_S = 60  # if Telegram names no time; a second start before then returns the pending flow

_DELIVERIES: dict[type, str] = {
    types.auth.SentCodeTypeApp: "app",
    types.auth.SentCodeTypeSms: "sms",
    types.auth.SentCodeTypeSmsWord: "sms",
    types.auth.SentCodeTypeSmsPhrase: "sms",
    types.auth.SentCodeTypeFirebaseSms: "firebase",
    types.auth.SentCodeTypeCall: "call",
    types.auth.SentCodeTypeFlashCall: "call",
    types.auth.SentCodeTypeMissedCall: "call",
    types.auth.SentCodeTypeEmailCode: "email",
    types.auth.SentCodeTypeSetUpEmailRequired: "email",
    types.auth.SentCodeTypeFragmentSms: "fragment",
}
_FORMS: dict[type, str] = {
    types.auth.SentCodeTypeSmsWord: "word",
    types.auth.SentCodeTypeSmsPhrase: "phrase",
    types.auth.SentCodeTypeFlashCall: "caller_number",
    types.auth.SentCodeTypeMissedCall: "caller_digits",
}
_NEXT: dict[type, str] = {
    types.auth.CodeTypeSms: "sms",
    types.auth.CodeTypeCall: "call",
    types.auth.CodeTypeFlashCall: "call",
    types.auth.CodeTypeMissedCall: "call",
    types.auth.CodeTypeFragmentSms: "fragment",
}
_OFFICIAL_APPS_ALONE = "Telegram would send this code to an official app alone, and offers no other way. Wait, then start again."


def pending_login(sent: Any, phone: str, now: datetime) -> PendingLogin:
    """Return the log-in that an auth.sentCode begins; raise `code_unavailable` if nobody but an official app could get its code."""
    kind, following = sent.type, _NEXT.get(type(sent.next_type))
    resend_after_s = sent.timeout or RESEND_AFTER_S
    if isinstance(kind, types.auth.SentCodeTypeFirebaseSms):
        if following is None:
            raise AvioError(Code.CODE_UNAVAILABLE, _OFFICIAL_APPS_ALONE)
        resend_after_s = 0  # it will not come: there is nothing to wait for
    return PendingLogin(
        phone=phone,
        phone_code_hash=sent.phone_code_hash,
        delivery=_DELIVERIES.get(type(kind), "app"),
        length=getattr(kind, "length", None),  # calls by number, words and phrases have no length
        next_type=following,
        resend_at=now + timedelta(seconds=resend_after_s),
        by_email=isinstance(kind, types.auth.SentCodeTypeEmailCode),
        form=_FORMS.get(type(kind), "digits"),
        beginning=getattr(kind, "beginning", None) or getattr(kind, "prefix", None),
        pattern=getattr(kind, "pattern", None),
        url=getattr(kind, "url", None),
        email_pattern=getattr(kind, "email_pattern", None),
        email_wanted=isinstance(kind, types.auth.SentCodeTypeSetUpEmailRequired),
    )
