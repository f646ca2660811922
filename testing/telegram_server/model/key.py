"""An authorisation key, and the log-in that it carries.

made by the key exchange --signIn--> authorised (user_id) --logOut, revoked--> unauthorised (`ended` says why)
                         \\-password wanted (pending_user_id)-/     \\--used twice at once--> dead, for good
"""

from __future__ import annotations

from dataclasses import dataclass

from testing.telegram_server.model.data_centres import DC_ID
from testing.telegram_server.model.layers import LAYER
from testing.telegram_server.model.records import BYTES_AS_TEXT


@dataclass(slots=True)
class Device:
    """What initConnection said of the client (https://core.telegram.org/method/initConnection)."""

    api_id: int = 0
    model: str = ""
    system: str = ""
    app_version: str = ""
    lang_code: str = ""
    system_lang_code: str = ""


@dataclass(slots=True)
class Key:
    """One key; `name` is its id on the wire in hex. `ended` is the RPC error that a lost authorisation is answered with.

    `layer` is what its client said last that it speaks; `expires_at` (epoch seconds) is that of a temporary key.
    `dc` is the data centre that knows it; `exported_by` names the key at home whose log-in was imported here.
    """

    __pydantic_config__ = BYTES_AS_TEXT

    name: str
    secret: bytes
    salt: int
    created: int
    user_id: int | None = None
    pending_user_id: int | None = None
    ended: str | None = None
    dead: bool = False
    authorization_hash: int = 0
    authorized_at: int = 0
    active_at: int = 0
    device: Device | None = None
    layer: int = LAYER
    expires_at: int | None = None
    dc: int = DC_ID
    exported_by: str | None = None

    @property
    def wire_name(self) -> bytes:
        return bytes.fromhex(self.name)
