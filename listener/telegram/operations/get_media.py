"""The command `media/get`: finds a message's media by its id, and fetches it once."""

from __future__ import annotations

from typing import Protocol

from listener.telegram.connection.client import Client
from listener.telegram.media.source import Source, find_source
from listener.telegram.media.transfers import Transfers
from listener.telegram.telegram_context import TelegramContext
from listener.telegram.updates.media_id import place_of
from shared.errors import AvioError, Code
from shared.media_bucket import media_key
from shared.rpc.get_media import GetMedia, MediaContent, MediaPending, MediaStored


class Reader(Protocol):
    """An account that reads."""

    context: TelegramContext

    async def connected_client(self) -> Client:
        """Return the account's client once it is connected."""

    def transfers(self) -> Transfers:
        """Return the account's downloads."""


async def get_media(account: Reader, command: GetMedia) -> MediaContent | MediaStored | MediaPending:
    """Run the command; raise `media_not_found` for what is no id of this account's media, and what fetching raises."""
    context = account.context
    place = place_of(context.core.tenant_id, command.media_id)
    if place is None or place.account_user_id != context.user_id:
        raise AvioError(Code.MEDIA_NOT_FOUND)

    async def find() -> Source:
        client = await account.connected_client()
        peer = next(iter(await context.peers.input_peers(place.chat_id)), None)
        return await find_source(client.invoke, peer, place, thumbnail=command.thumbnail)

    source = await find()
    return await account.transfers().fetch(media_key(context.core.tenant_id, source.key), source, find)
