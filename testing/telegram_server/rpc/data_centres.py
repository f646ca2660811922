"""Going to another data centre: log-ins are taken along by auth.exportAuthorization (https://core.telegram.org/api/datacenter)."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from telethon.tl import functions, types

from testing.telegram_server.model.data_centres import DATA_CENTRES
from testing.telegram_server.model.key import Key
from testing.telegram_server.model.world import World
from testing.telegram_server.rpc.call import Call
from testing.telegram_server.rpc.errors import bad_request
from testing.telegram_server.rpc.table import Methods

METHODS = Methods()
_NAME = 8  # bytes of a key's id


@METHODS.serves(functions.auth.ExportAuthorizationRequest)
def export_authorization(call: Call, request: Any) -> Any:
    """Return what a key at another data centre is to show: good as long as the log-in, and at that data centre only."""
    if request.dc_id not in DATA_CENTRES or request.dc_id == call.key.dc:
        raise bad_request("DC_ID_INVALID")
    return types.auth.ExportedAuthorization(call.me.id, call.key.wire_name + _proof(call.world, call.key, request.dc_id))


@METHODS.serves(functions.auth.ImportAuthorizationRequest, needs_login=False)
def import_authorization(call: Call, request: Any) -> Any:
    home = call.world.keys.get(request.bytes[:_NAME].hex())
    if home is None or not hmac.compare_digest(request.bytes[_NAME:], _proof(call.world, home, call.key.dc)):
        raise bad_request("AUTH_BYTES_INVALID")
    if home.user_id is None or home.user_id != request.id:
        raise bad_request("USER_ID_INVALID")
    call.world.keys.import_authorization(call.key, home)
    return types.auth.Authorization(call.services.people.user(call.key, call.me))


def _proof(world: World, home: Key, dc: int) -> bytes:
    return hashlib.blake2b(b"export:%d:" % dc + home.wire_name, key=world.hash_secret, digest_size=32).digest()
