"""An account's session: its credentials at Telegram, which the core stores sealed.

The identity that Telegram shows the user ("Avio, on ...") is fixed at the first connect and stored with the key of that connect; a
session never changes it.

Every account has a session in memory, so it is a dataclass with slots: a model would take 1 kB.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pydantic import Base64Bytes, Field, RootModel, with_config

from shared.model.frozen import HIDDEN, STRICT, FrozenModel


@with_config(STRICT)
@dataclass(frozen=True, slots=True)
class Identity:
    """The client as Telegram sees it. It never imitates an official client."""

    api_id: int
    device_model: str = "Avio"
    system_version: str = "1"
    app_version: str = "1"
    lang_code: str = "en"
    system_lang_code: str = "en"


QR = "qr"


def _unset(value: Any) -> bool:
    return value is None


class PendingLogin(FrozenModel):
    """A log-in under way. `code_accepted` means that only the password is missing.

    `email_wanted`: Telegram sends no code before a log-in e-mail is set up. `email_pattern` says where a code went by e-mail; while an
    e-mail is wanted, that is the code that verifies the address. `email_proven`: it was set up in this log-in.

    The last fields are stored only if they differ from their defaults: a worker of the previous version refuses fields it does not know.
    """

    phone: str
    phone_code_hash: str
    delivery: str
    length: int | None
    next_type: str | None
    resend_at: datetime
    by_email: bool = False
    code_accepted: bool = False
    form: str = Field("digits", exclude_if=lambda form: form == "digits")
    beginning: str | None = Field(None, exclude_if=_unset)
    pattern: str | None = Field(None, exclude_if=_unset)
    url: str | None = Field(None, exclude_if=_unset)
    email_pattern: str | None = Field(None, exclude_if=_unset)
    email_wanted: bool = Field(False, exclude_if=lambda wanted: not wanted)
    email_proven: bool = Field(False, exclude_if=lambda proven: not proven)

    @property
    def email_sent(self) -> bool:
        """Whether a code that verifies an address is on its way."""
        return self.email_wanted and self.email_pattern is not None

    @property
    def by_qr(self) -> bool:
        """Whether it is a log-in by QR code: `resend_at` is when it ends, and phone and hash are empty."""
        return self.delivery == QR


@with_config(STRICT)
@dataclass(frozen=True, slots=True)
class Session:
    """The credentials. `user_id` is set once they are authorised. The key is plain bytes here, and base64 in the stored form."""

    identity: Identity
    dc_id: int
    address: str
    port: int
    auth_key: Base64Bytes | None = field(default=None, repr=False)
    user_id: int | None = None
    login: PendingLogin | None = None

    def moved(self, dc_id: int, address: str, port: int) -> Session:
        """Return the credentials for another data centre: the identity stays, and a key of that data centre is made at the first connect.

        The code of a log-in under way was accepted under the old key alone.
        """
        login = self.login.model_copy(update={"code_accepted": False}) if self.login else None
        return replace(self, dc_id=dc_id, address=address, port=port, auth_key=None, login=login)

    def with_key(self, dc_id: int, address: str, port: int, auth_key: bytes) -> Session:
        """Return this identity with a key of a data centre."""
        return replace(self, dc_id=dc_id, address=address, port=port, auth_key=auth_key)

    def written(self) -> str:
        """Return the stored form in JSON, not yet sealed."""
        return _Stored(self).model_dump_json()

    @staticmethod
    def read(stored: bytes | str) -> Session:
        """Return a session from its stored form."""
        return _Stored.model_validate_json(stored).root


class _Stored(RootModel[Session]):
    model_config = HIDDEN
