"""messages.*: basic groups and who is in them (https://core.telegram.org/api/channel#basic-groups)."""

from __future__ import annotations

import secrets
from typing import Any

from telethon.tl import functions, types

from testing.telegram_server.model.group import Group, Member
from testing.telegram_server.model.message import Message
from testing.telegram_server.rpc.call import Call
from testing.telegram_server.rpc.errors import bad_request
from testing.telegram_server.rpc.peers import basic_group, user_person
from testing.telegram_server.rpc.rights import check_may_manage
from testing.telegram_server.rpc.table import Methods
from testing.telegram_server.views.messages import event_update

METHODS = Methods()


@METHODS.serves(functions.messages.GetChatsRequest)
def get_chats(call: Call, request: Any) -> Any:
    groups = [_group(call, chat_id) for chat_id in request.id]
    return types.messages.Chats([call.services.groups.chat(call.key, group) for group in groups])


@METHODS.serves(functions.messages.GetFullChatRequest)
def get_full_chat(call: Call, request: Any) -> Any:
    """Return a basic group with its members, who come whole: whoever shares a basic group with somebody may write to them."""
    group = _group(call, request.chat_id)
    present = call.world.groups.present(group)
    participants = types.ChatParticipants(group.id, [_participant(member) for member in present], group.version)
    if not call.world.groups.is_in(group, call.me.id):
        participants, present = types.ChatParticipantsForbidden(group.id), []
    full = types.ChatFull(group.id, group.about, participants, types.PeerNotifySettings())
    company = call.services.company.of(call.key, (), peers=[group.peer, *(member.user_id for member in present)])
    return types.messages.ChatFull(full, **company)


@METHODS.serves(functions.messages.CreateChatRequest)
def create_chat(call: Call, request: Any) -> Any:
    people = [user_person(call, user) for user in request.users]
    if not request.title.strip():
        raise bad_request("CHAT_TITLE_EMPTY")
    _, message = call.services.membership.make(call.me, "basic", request.title, people, skip=call.key)
    return types.messages.InvitedUsers(made(call, message), [])


@METHODS.serves(functions.messages.AddChatUserRequest)
def add_chat_user(call: Call, request: Any) -> Any:
    group, person = _own_group(call, request.chat_id), user_person(call, request.user_id)
    message = call.services.membership.add(group, call.me, [person], call.key)
    if message is None:
        raise bad_request("USER_ALREADY_PARTICIPANT")
    return types.messages.InvitedUsers(_told(call, message), [])


@METHODS.serves(functions.messages.DeleteChatUserRequest)
def delete_chat_user(call: Call, request: Any) -> Any:
    """Leave a basic group, or put somebody out of it."""
    group, person = _own_group(call, request.chat_id), user_person(call, request.user_id)
    if person is not call.me:
        check_may_manage(call.world, call.me, group)
    message = call.services.membership.remove(group, call.me, person, "left" if person is call.me else "kicked", call.key)
    if message is None:
        raise bad_request("USER_NOT_PARTICIPANT")
    return _told(call, message)


def made(call: Call, message: Message, *more: Any) -> Any:
    """Answer the making of a group: with its first message, which has a random_id of the server's."""
    updates = [types.UpdateMessageID(message.id, secrets.randbits(63)), *more, event_update(call.world, message, call.me.id)]
    return call.services.publisher.updates(updates, call.services.company.of(call.key, [message]))


def _group(call: Call, chat_id: int) -> Group:
    group = basic_group(call, chat_id)
    if group is None:
        raise bad_request("CHAT_ID_INVALID")
    return group


def _own_group(call: Call, chat_id: int) -> Group:
    group = _group(call, chat_id)
    if not call.world.groups.is_in(group, call.me.id):
        raise bad_request("CHAT_ID_INVALID")
    return group


def _told(call: Call, message: Message) -> Any:
    update = event_update(call.world, message, call.me.id)
    return call.services.publisher.updates([update], call.services.company.of(call.key, [message]))


def _participant(member: Member) -> Any:
    if member.role == "creator":
        return types.ChatParticipantCreator(member.user_id)
    kind = types.ChatParticipantAdmin if member.role == "admin" else types.ChatParticipant
    return kind(member.user_id, member.invited_by, member.since)
