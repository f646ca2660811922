"""An account's session: its credentials at Telegram, which the core stores sealed.

The identity that Telegram shows the user ("Avio, on ...") is fixed at the first connect and stored with the key it was made under; a
session never changes it.

What every account has in memory is a dataclass with slots: a model would be 1 kB.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from pydantic import Base64Bytes, Field, RootModel, with_config

from shared.model.frozen import HIDDEN, STRICT, FrozenModel


@with_config(STRICT)
@dataclass(frozen=True, slots=True)
class Identity:
    """What Telegram is told of the client. Never an imitation of an official one."""

    api_id: int
    device_model: str = "Avio"
    system_version: str = "1"
    app_version: str = "1"
    lang_code: str = "en"
    system_lang_code: str = "en"


class PendingLogin(FrozenModel):
    """A log-in under way. `code_accepted` means that only the password is missing.

    What is seldom is stored only where it is so: a worker of the version before refuses fields that it does not know.
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
    beginning: str | None = Field(None, exclude_if=lambda beginning: beginning is None)


@with_config(STRICT)
@dataclass(frozen=True, slots=True)
class Session:
    """The credentials. `user_id` is set once they are authorised. The key is given as it is; base64 is what is stored."""

    identity: Identity
    dc_id: int
    address: str
    port: int
    auth_key: Base64Bytes | None = field(default=None, repr=False)
    user_id: int | None = None
    login: PendingLogin | None = None

    def written(self) -> str:
        """Return it as it is stored, once sealed, in JSON."""
        return _Stored(self).model_dump_json()

    @staticmethod
    def read(stored: bytes | str) -> Session:
        """Return a session that was stored."""
        return _Stored.model_validate_json(stored).root


class _Stored(RootModel[Session]):
    model_config = HIDDEN
