"""messages.*: changing, pinning and deleting what was sent (https://core.telegram.org/method/messages.editMessage)."""

from __future__ import annotations

from typing import Any

from telethon.tl import functions, types

from testing.telegram_server.model.dialog import dialog_of
from testing.telegram_server.model.message import Message
from testing.telegram_server.rpc.call import Call
from testing.telegram_server.rpc.configuration import CAPTION_LENGTH_MAX
from testing.telegram_server.rpc.errors import bad_request, forbidden
from testing.telegram_server.rpc.input_media import media_file
from testing.telegram_server.rpc.peers import number, peer_of
from testing.telegram_server.rpc.rights import check_may_write, may_delete_for_all
from testing.telegram_server.rpc.sending import album_group, check_text, stored_entities
from testing.telegram_server.rpc.table import Methods
from testing.telegram_server.views.messages import event_update

METHODS = Methods()


@METHODS.serves(functions.messages.EditMessageRequest)
def edit_message(call: Call, request: Any) -> Any:
    """Give a message another text, caption or file, for everybody. Only its sender may."""
    message = message_of(call, request.peer, request.id)
    if message.sender != call.me.id:
        raise forbidden("MESSAGE_AUTHOR_REQUIRED")
    file = _other_file(call, message, request.media) if request.media is not None else message.file
    text = message.text if request.message is None else request.message.strip()
    if file is None:
        check_text(text)
    elif len(text) > CAPTION_LENGTH_MAX:
        raise bad_request("MEDIA_CAPTION_TOO_LONG")
    entities = stored_entities(call, request.entities or [])
    if (text, entities, file) == (message.text, message.entities, message.file):
        raise bad_request("MESSAGE_NOT_MODIFIED")
    edit = call.services.talk.edit(message, text, entities, call.key, file)
    update = event_update(call.world, edit, call.me.id)
    return call.services.publisher.updates([update], call.services.company.of(call.key, [edit]))


def _other_file(call: Call, message: Message, media: Any) -> int:
    """Return the file that takes the place of a message's; a text gets none, and an album's file one of its group."""
    if message.file is None:
        raise bad_request("MEDIA_PREV_INVALID")
    file = media_file(call, media)
    if message.album and album_group(file) != album_group(call.world.files[message.file]):
        raise bad_request("MEDIA_GROUPED_INVALID")
    return file.id


@METHODS.serves(functions.messages.DeleteMessagesRequest)
def delete_messages(call: Call, request: Any) -> Any:
    """Delete messages of private chats and basic groups, for oneself or (`revoke`) for everybody. Unknown ids are passed over."""
    messages = [call.box.messages[i] for i in sorted(set(request.id)) if i in call.box.messages]
    if request.revoke and not all(may_delete_for_all(call.world, call.me, message) for message in messages):
        raise forbidden("MESSAGE_DELETE_FORBIDDEN")
    if messages:
        call.services.talk.delete(messages, for_all=bool(request.revoke), skip=call.key)
    return types.messages.AffectedMessages(call.box.pts, len(messages))


@METHODS.serves(functions.messages.UpdatePinnedMessageRequest)
def update_pinned_message(call: Call, request: Any) -> Any:
    """Pin a message or take it down; in groups whoever may write may pin here. No service message is made."""
    message = message_of(call, request.peer, request.id)
    check_may_write(call.world, call.me, peer_of(call, request.peer))
    if message.pinned == (not request.unpin):
        raise bad_request("CHAT_NOT_MODIFIED")
    pinning = call.services.talk.pin(message, pinned=not request.unpin, for_all=not request.pm_oneside, skip=call.key)
    return call.services.publisher.updates([event_update(call.world, pinning, call.me.id)], call.services.company.of(call.key, [message]))


def message_of(call: Call, input_peer: Any, message_id: int) -> Message:
    """Return a message of a chat that can be changed; raise MESSAGE_ID_INVALID."""
    peer = number(peer_of(call, input_peer))
    message = dialog_of(call.world, call.me.id, peer).box.messages.get(message_id)
    if message is None or message.peer != peer or message.action:
        raise bad_request("MESSAGE_ID_INVALID")
    return message
