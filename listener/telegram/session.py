"""An account's session: its credentials at Telegram, sealed, in a fenced item.

The identity that Telegram shows the user ("Avio, on ...") is fixed at the first connect and stored with the key it was made under; a
session never changes it.

What every account has in memory is a dataclass with slots: a model would be 1 kB.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import Base64Bytes, Field, RootModel, with_config

from listener.telegram.updates.update_state import UpdateState
from shared.crypto import DataKey, Envelope, Purpose
from shared.model.frozen import HIDDEN, STRICT, Frozen
from shared.model.ids import Channel, Epoch, TenantId
from shared.store import keys
from shared.store.fenced import FencedStore


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


class PendingLogin(Frozen):
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


class SessionStore:
    """Loads and saves one account's session and marks, fenced by the epoch under which its account is owned.

    Blocking: call it on a thread.
    """

    def __init__(self, tenant_id: TenantId, channel: Channel, epoch: Epoch, fenced: FencedStore, envelope: Envelope) -> None:
        self._tenant_id = tenant_id
        self._channel = channel
        self._epoch = epoch
        self._fenced = fenced
        self._envelope = envelope
        self._data_key: DataKey | None = None

    def load(self) -> tuple[Session | None, UpdateState | None, datetime | None]:
        """Fence both items, which ends what earlier owners may write, and return what they hold: session, marks, the last event's time.

        Two writes and one unwrap. Raises Superseded, and Unreadable where the session cannot be decrypted.
        """
        sealed = self._fenced.load(self._session, self._epoch)
        marks = self._fenced.load(self._marks, self._epoch)
        return self._opened(sealed), _marks(marks), _last_event_at(marks)

    def save_session(self, session: Session | None) -> None:
        """Seal and store the session under a fresh nonce, or erase it. Raises Superseded."""
        if session is None:
            self._data_key = None
            self._fenced.clear(self._session, self._epoch)
            return
        if self._data_key is None:
            self._data_key = self._envelope.new_key(self._tenant_id, Purpose.SESSION)
        sealed = self._data_key.seal(session.written().encode())
        self._fenced.save(self._session, self._epoch, {"data_key": self._data_key.wrapped, "sealed": sealed})

    def save_marks(self, marks: UpdateState | None, last_event_at: datetime | None = None) -> None:
        """Store the marks, or erase them. Raises Superseded.

        The last event's time goes along: on the account's row it would cost a write of its own.
        """
        fields = {"marks": marks.written()} if marks else {}
        if marks and last_event_at:
            fields["last_event_at"] = last_event_at.isoformat()
        self._fenced.save(self._marks, self._epoch, fields)

    @property
    def _session(self) -> dict[str, str]:
        return keys.session(self._tenant_id, self._channel)

    @property
    def _marks(self) -> dict[str, str]:
        return keys.marks(self._tenant_id, self._channel)

    def _opened(self, fields: dict[str, Any]) -> Session | None:
        if "sealed" not in fields:
            return None
        self._data_key = self._envelope.unwrap(self._tenant_id, Purpose.SESSION, fields["data_key"])
        return Session.read(self._data_key.open(fields["sealed"]))


def _marks(fields: dict[str, Any]) -> UpdateState | None:
    return UpdateState.read(fields["marks"]) if "marks" in fields else None


def _last_event_at(fields: dict[str, Any]) -> datetime | None:
    return datetime.fromisoformat(fields["last_event_at"]) if "last_event_at" in fields else None
