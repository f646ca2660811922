"""Methods about what this server has none of: each is answered as for an account without any. Official clients ask at their start."""

from __future__ import annotations

from typing import Any

from telethon.tl import functions, types

from testing.telegram_server.model.person import Person
from testing.telegram_server.rpc.call import Call
from testing.telegram_server.rpc.errors import not_acceptable
from testing.telegram_server.rpc.history import get_history
from testing.telegram_server.rpc.peers import number, peer_of
from testing.telegram_server.rpc.table import Handler, Methods
from testing.telegram_server.views.peers import peer_object

METHODS = Methods()
_ASK_AGAIN_S = 3600


@METHODS.serves(functions.messages.GetPeerSettingsRequest)
def get_peer_settings(call: Call, request: Any) -> Any:
    peer = number(peer_of(call, request.peer))
    return types.messages.PeerSettings(types.PeerSettings(), **call.services.company.of(call.key, (), peers=[peer]))


@METHODS.serves(functions.help.GetPromoDataRequest)
def get_promo_data(call: Call, request: Any) -> Any:
    return types.help.PromoDataEmpty(call.now + _ASK_AGAIN_S)


@METHODS.serves(functions.help.GetTermsOfServiceUpdateRequest)
def get_terms_of_service_update(call: Call, request: Any) -> Any:
    return types.help.TermsOfServiceUpdateEmpty(call.now + _ASK_AGAIN_S)


@METHODS.serves(functions.stories.GetPeerStoriesRequest)
def get_peer_stories(call: Call, request: Any) -> Any:
    peer = number(peer_of(call, request.peer))
    stories = types.PeerStories(peer_object(peer), [])
    return types.stories.PeerStories(stories, **call.services.company.of(call.key, (), peers=[peer]))


@METHODS.serves(functions.messages.GetSavedHistoryRequest)
def get_saved_history(call: Call, request: Any) -> Any:
    """Return what one has saved by writing to oneself; nothing is forwarded here, so no other chat has anything saved."""
    peer = peer_of(call, request.peer)
    if isinstance(peer, Person) and peer.id == call.me.id:
        return get_history(call, request)
    return types.messages.Messages([], [], [], [])


@METHODS.serves(functions.messages.GetStickerSetRequest)
def get_sticker_set(call: Call, request: Any) -> Any:
    raise not_acceptable("STICKERSET_INVALID")


def _always(answer: Any) -> Handler:
    return lambda call, request: answer


_EMPTY: dict[type, Any] = {
    functions.account.GetContentSettingsRequest: types.account.ContentSettings(),
    functions.contacts.GetTopPeersRequest: types.contacts.TopPeers([], [], []),
    functions.help.GetPeerColorsRequest: types.help.PeerColors(0, []),
    functions.help.GetPeerProfileColorsRequest: types.help.PeerColors(0, []),
    functions.messages.GetAttachMenuBotsRequest: types.AttachMenuBots(0, [], []),
    functions.messages.GetAvailableReactionsRequest: types.messages.AvailableReactions(0, []),
    functions.messages.GetDialogFiltersRequest: types.messages.DialogFilters([]),
}
for _request, _answer in _EMPTY.items():
    METHODS.serves(_request)(_always(_answer))
