"""account.*NotifySettings: which chats are muted (https://core.telegram.org/method/account.updateNotifySettings)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from telethon.tl import functions, types

from testing.telegram_server.rpc.call import Call
from testing.telegram_server.rpc.peers import number, peer_of
from testing.telegram_server.rpc.table import Methods
from testing.telegram_server.views.peers import peer_object

METHODS = Methods()


@METHODS.serves(functions.account.GetNotifySettingsRequest)
def get_notify_settings(call: Call, request: Any) -> Any:
    """Return the settings of a chat; those of all chats of a kind are not kept here."""
    if not isinstance(request.peer, types.InputNotifyPeer):
        return types.PeerNotifySettings()
    return notify_settings(call, number(peer_of(call, request.peer.peer)))


@METHODS.serves(functions.account.UpdateNotifySettingsRequest)
def update_notify_settings(call: Call, request: Any) -> Any:
    """Mute a chat until a time, or no longer; the caller's other devices are told, without a pts."""
    if isinstance(request.peer, types.InputNotifyPeer):
        peer, until = number(peer_of(call, request.peer.peer)), request.settings.mute_until
        kept = call.world.chat_settings.of(call.me.id, peer)
        kept.mute_until = int(until.timestamp()) if until else 0
        call.world.chat_settings.save(kept)
        update = types.UpdateNotifySettings(types.NotifyPeer(peer_object(peer)), notify_settings(call, peer))
        call.services.publisher.tell(call.me.id, [update], call.key, peers=[peer])
    return True


def notify_settings(call: Call, peer: int) -> Any:
    until = call.world.chat_settings.of(call.me.id, peer).mute_until
    return types.PeerNotifySettings(mute_until=datetime.fromtimestamp(until, UTC) if until else None)
