"""Changes a chat as the account sees it, or shows the account there: read, mark as unread, typing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from telethon.tl import functions, types

from listener.telegram.operations.message_lookup import number_of
from listener.telegram.operations.operation_runner import Connected, Operation, Performer
from listener.telegram.operations.recipients import resolve
from shared.rpc.chat_changes import ChatAction, ChatChanged, MarkUnread, ReadChat, ShowChatAction

_ACTIONS: dict[ChatAction, Callable[[], Any]] = {
    ChatAction.TYPING: types.SendMessageTypingAction,
    ChatAction.RECORDING_VOICE: types.SendMessageRecordAudioAction,
    ChatAction.RECORDING_VIDEO: types.SendMessageRecordVideoAction,
    ChatAction.RECORDING_VIDEO_NOTE: types.SendMessageRecordRoundAction,
    ChatAction.UPLOADING_PHOTO: lambda: types.SendMessageUploadPhotoAction(0),
    ChatAction.UPLOADING_VIDEO: lambda: types.SendMessageUploadVideoAction(0),
    ChatAction.UPLOADING_VOICE: lambda: types.SendMessageUploadAudioAction(0),
    ChatAction.UPLOADING_FILE: lambda: types.SendMessageUploadDocumentAction(0),
    ChatAction.CHOOSING_STICKER: types.SendMessageChooseStickerAction,
    ChatAction.CHOOSING_LOCATION: types.SendMessageGeoLocationAction,
    ChatAction.CHOOSING_CONTACT: types.SendMessageChooseContactAction,
    ChatAction.NONE: types.SendMessageCancelAction,
}


async def read_chat(account: Performer, command: ReadChat) -> ChatChanged:
    """Run the command `read`."""
    max_id = number_of(command.max_id)

    def request(peer: Any) -> Any:
        if isinstance(peer, types.InputPeerChannel):
            return functions.channels.ReadHistoryRequest(types.InputChannel(peer.channel_id, peer.access_hash), max_id)
        return functions.messages.ReadHistoryRequest(peer, max_id)

    return await _in_chat(account, command.to, request)


async def mark_unread(account: Performer, command: MarkUnread) -> ChatChanged:
    """Run the command `mark_unread`."""

    def request(peer: Any) -> Any:
        return functions.messages.MarkDialogUnreadRequest(types.InputDialogPeer(peer), unread=command.unread)

    return await _in_chat(account, command.to, request)


async def show_chat_action(account: Performer, command: ShowChatAction) -> ChatChanged:
    """Run the command `chat_action`."""
    thread_id = number_of(command.thread_id) if command.thread_id else None

    def request(peer: Any) -> Any:
        return functions.messages.SetTypingRequest(peer, _ACTIONS[command.action](), top_msg_id=thread_id)

    return await _in_chat(account, command.to, request)


async def _in_chat(account: Performer, to: str, request: Callable[[Any], Any]) -> ChatChanged:
    async def run(at: Connected) -> ChatChanged:
        chat_id, peer = await resolve(at.client, at.peers, at.self_id, to)
        await at.client.invoke(request(peer))
        return ChatChanged(chat_id=str(chat_id))

    return await account.perform(Operation(run))
