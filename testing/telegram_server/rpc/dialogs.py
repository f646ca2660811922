"""messages.getDialogs and its like: the list of chats (https://core.telegram.org/method/messages.getDialogs)."""

from __future__ import annotations

from typing import Any

from telethon.tl import functions, types

from testing.telegram_server.model.dialog import Dialog, dialog_of, dialogs_of, place
from testing.telegram_server.rpc.call import Call
from testing.telegram_server.rpc.notifications import notify_settings
from testing.telegram_server.rpc.peers import named_number, number, peer_of
from testing.telegram_server.rpc.table import Methods
from testing.telegram_server.views.messages import message_object, state
from testing.telegram_server.views.peers import peer_object

METHODS = Methods()
LIMIT_MAX = 100
ARCHIVE = 1  # https://core.telegram.org/api/folders#peer-folders


@METHODS.serves(functions.messages.GetDialogsRequest)
def get_dialogs(call: Call, request: Any) -> Any:
    """Return chats by their last message, newest first, from the given offset on; those of one folder if it is named.

    The first page begins with the pinned chats, and no other has them (https://core.telegram.org/api/folders#pinned-dialogs).
    """
    every = [dialog for dialog in dialogs_of(call.world, call.me.id) if request.folder_id in (None, _folder(call, dialog))]
    pinned = _pinned(call, every)
    every = [dialog for dialog in every if dialog not in pinned]
    if not request.exclude_pinned and _date(request) <= 0:
        every = [*pinned, *every]
    page = every[_start(call, every, request) :][: min(request.limit or LIMIT_MAX, LIMIT_MAX)]
    content = _content(call, page)
    if len(page) == len(every):
        return types.messages.Dialogs(**content)
    return types.messages.DialogsSlice(count=len(every), **content)


@METHODS.serves(functions.messages.GetPeerDialogsRequest)
def get_peer_dialogs(call: Call, request: Any) -> Any:
    dialogs = [dialog_of(call.world, call.me.id, number(peer_of(call, asked.peer))) for asked in request.peers]
    return types.messages.PeerDialogs(**_content(call, dialogs), state=state(call.box, call.now))


@METHODS.serves(functions.messages.GetPinnedDialogsRequest)
def get_pinned_dialogs(call: Call, request: Any) -> Any:
    folder = [dialog for dialog in dialogs_of(call.world, call.me.id) if _folder(call, dialog) == request.folder_id]
    return types.messages.PeerDialogs(**_content(call, _pinned(call, folder)), state=state(call.box, call.now))


@METHODS.serves(functions.messages.ToggleDialogPinRequest)
def toggle_dialog_pin(call: Call, request: Any) -> Any:
    """Pin a chat before all others, or unpin it; the caller's other devices are told, without a pts."""
    peer = number(peer_of(call, request.peer.peer))
    kept = call.world.chat_settings.of(call.me.id, peer)
    kept.pinned = call.world.chat_settings.highest_pin(call.me.id) + 1 if request.pinned else 0
    call.world.chat_settings.save(kept)
    update = types.UpdateDialogPinned(types.DialogPeer(peer_object(peer)), pinned=request.pinned, folder_id=int(kept.archived) or None)
    call.services.publisher.tell(call.me.id, [update], call.key, peers=[peer])
    return True


@METHODS.serves(functions.folders.EditPeerFoldersRequest)
def edit_peer_folders(call: Call, request: Any) -> Any:
    """Move chats to the archive or back. What moves is no longer pinned."""
    moved = []
    for asked in request.folder_peers:
        peer = number(peer_of(call, asked.peer))
        kept = call.world.chat_settings.of(call.me.id, peer)
        kept.archived, kept.pinned = asked.folder_id == ARCHIVE, 0
        call.world.chat_settings.save(kept)
        moved.append(types.FolderPeer(peer_object(peer), asked.folder_id))
    update = types.UpdateFolderPeers(moved, call.box.pts, 0)
    return call.services.publisher.updates([update], call.services.company.of(call.key, ()))


@METHODS.serves(functions.messages.MarkDialogUnreadRequest)
def mark_dialog_unread(call: Call, request: Any) -> Any:
    """Set or clear the mark; the caller's other devices are told, without a pts."""
    peer = number(peer_of(call, request.peer.peer))
    if call.world.unread_marks.set(call.me.id, peer, unread=bool(request.unread)):
        update = types.UpdateDialogUnreadMark(types.DialogPeer(peer_object(peer)), unread=request.unread)
        call.services.publisher.tell(call.me.id, [update], call.key, peers=[peer])
    return True


def _content(call: Call, dialogs: list[Dialog]) -> dict[str, Any]:
    last = [dialog.last for dialog in dialogs if dialog.last is not None]
    return {
        "dialogs": [dialog_object(call, dialog) for dialog in dialogs],
        "messages": [message_object(call.world, message, call.me.id) for message in last],
        **call.services.company.of(call.key, last, peers=[dialog.peer for dialog in dialogs]),
    }


def dialog_object(call: Call, dialog: Dialog) -> Any:
    """Return a chat of the list; only a channel has a pts."""
    chat = dialog.chat
    return types.Dialog(
        peer=peer_object(chat.peer),
        top_message=chat.ids[-1] if chat.ids else 0,
        read_inbox_max_id=chat.read_inbox,
        read_outbox_max_id=chat.read_outbox,
        unread_count=chat.unread,
        unread_mentions_count=0,
        unread_reactions_count=0,
        unread_poll_votes_count=0,
        notify_settings=notify_settings(call, chat.peer),
        pinned=bool(call.world.chat_settings.of(call.me.id, chat.peer).pinned),
        folder_id=_folder(call, dialog) or None,
        unread_mark=call.world.unread_marks.has(call.me.id, chat.peer),
        pts=dialog.pts,
    )


def _folder(call: Call, dialog: Dialog) -> int:
    return ARCHIVE if call.world.chat_settings.of(call.me.id, dialog.peer).archived else 0


def _pinned(call: Call, dialogs: list[Dialog]) -> list[Dialog]:
    """Return the pinned ones of some chats in their order, those of the main folder before the archive's."""
    settings = {dialog.peer: call.world.chat_settings.of(call.me.id, dialog.peer) for dialog in dialogs}
    pinned = [dialog for dialog in dialogs if settings[dialog.peer].pinned]
    return sorted(pinned, key=lambda dialog: (settings[dialog.peer].archived, -settings[dialog.peer].pinned))


def _start(call: Call, every: list[Dialog], request: Any) -> int:
    """Return where the page begins: after the chat that `offset_peer` names, else by date and message id."""
    date = _date(request)
    if date <= 0:
        return 0
    if not isinstance(request.offset_peer, types.InputPeerEmpty):
        offset = (date, request.offset_id, named_number(call, request.offset_peer))
        return sum(place(dialog) >= offset for dialog in every)
    return sum(place(dialog)[:2] >= (date, request.offset_id) for dialog in every)


def _date(request: Any) -> int:
    return int(request.offset_date.timestamp()) if request.offset_date else 0
