"""Whether Telegram has frozen an account: it says so in the client configuration (https://core.telegram.org/api/auth#frozen-accounts)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from telethon.tl import functions, types

from listener.telegram.connection.client import Client
from listener.telegram.operations.errors import translated


@dataclass(frozen=True)
class Freeze:
    """`until` is when Telegram deletes the account unless an appeal, at `appeal_url`, has succeeded by then."""

    until: datetime | None = None
    appeal_url: str | None = None


async def freeze_of(client: Client) -> Freeze | None:
    """Ask Telegram; None where the account is not frozen. Raises AvioError where Telegram does not say."""
    with translated():
        answer = await client.invoke(functions.help.GetAppConfigRequest(0))
    entries = answer.config.value if isinstance(getattr(answer, "config", None), types.JsonObject) else ()
    found = {entry.key: getattr(entry.value, "value", None) for entry in entries}
    if not found.get("freeze_since_date"):
        return None
    until, url = found.get("freeze_until_date"), found.get("freeze_appeal_url")
    return Freeze(datetime.fromtimestamp(int(until), UTC) if until else None, url or None)
