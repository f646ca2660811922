"""channels.*: supergroups and channels by id and access hash (https://core.telegram.org/api/channel)."""

from __future__ import annotations

from typing import Any

from telethon.tl import functions, types

from testing.telegram_server.model.dialog import dialog_of
from testing.telegram_server.model.group import Group, Kind, Member
from testing.telegram_server.rpc.basic_groups import made
from testing.telegram_server.rpc.call import Call
from testing.telegram_server.rpc.errors import bad_request, forbidden
from testing.telegram_server.rpc.history import by_ids, has_words
from testing.telegram_server.rpc.peers import channel_of, find_channel, find_person, user_person
from testing.telegram_server.rpc.rights import check_may_manage, may_delete_for_all
from testing.telegram_server.rpc.table import Methods

METHODS = Methods()


@METHODS.serves(functions.channels.GetChannelsRequest)
def get_channels(call: Call, request: Any) -> Any:
    """Return each channel asked for, forbidden ones as such; a wrong hash is CHANNEL_INVALID."""
    found = [find_channel(call, channel) for channel in request.id]
    if None in found:
        raise bad_request("CHANNEL_INVALID")
    return types.messages.Chats([call.services.groups.chat(call.key, group) for group in found if group is not None])


@METHODS.serves(functions.channels.GetFullChannelRequest)
def get_full_channel(call: Call, request: Any) -> Any:
    group = channel_of(call, request.channel)
    dialog, present = dialog_of(call.world, call.me.id, group.peer), call.world.groups.present(group)
    full = types.ChannelFull(
        id=group.id,
        about=group.about,
        read_inbox_max_id=dialog.chat.read_inbox,
        read_outbox_max_id=dialog.chat.read_outbox,
        unread_count=dialog.chat.unread,
        chat_photo=types.PhotoEmpty(0),
        notify_settings=types.PeerNotifySettings(),
        bot_info=[],
        pts=dialog.box.pts,
        can_view_participants=group.kind == "supergroup",
        participants_count=len(present),
        admins_count=sum(member.manages for member in present),
    )
    return types.messages.ChatFull(full, **call.services.company.of(call.key, (), peers=[group.peer]))


@METHODS.serves(functions.channels.GetMessagesRequest)
def get_messages(call: Call, request: Any) -> Any:
    """Return messages of a channel by id in the order asked for; what is not there is `messageEmpty`."""
    group = channel_of(call, request.channel)
    box = call.world.box(group.peer)
    return types.messages.ChannelMessages(pts=box.pts, count=len(request.id), topics=[], **by_ids(call, box, request.id))


@METHODS.serves(functions.channels.ReadHistoryRequest)
def read_history(call: Call, request: Any) -> Any:
    group = channel_of(call, request.channel)
    call.services.talk.read(call.me, group, request.max_id, call.key)
    return True


@METHODS.serves(functions.channels.DeleteMessagesRequest)
def delete_messages(call: Call, request: Any) -> Any:
    """Delete messages for everybody: one's own, or any for admins."""
    group = channel_of(call, request.channel)
    box = call.world.box(group.peer)
    messages = [box.messages[i] for i in sorted(set(request.id)) if i in box.messages]
    if not all(may_delete_for_all(call.world, call.me, message) for message in messages):
        raise forbidden("MESSAGE_DELETE_FORBIDDEN")
    if messages:
        call.services.talk.delete(messages, for_all=True, skip=call.key)
    return types.messages.AffectedMessages(box.pts, len(messages))


@METHODS.serves(functions.channels.GetParticipantRequest)
def get_participant(call: Call, request: Any) -> Any:
    group, person = channel_of(call, request.channel), find_person(call, request.participant)
    if person is None:
        raise bad_request("PARTICIPANT_ID_INVALID")
    member = call.world.groups.member(group, person.id)
    if member is None or member.standing != "in":
        raise bad_request("USER_NOT_PARTICIPANT")
    company = call.services.company.of(call.key, (), peers=[person.id, group.peer])
    return types.channels.ChannelParticipant(_participant(call, member), **company)


@METHODS.serves(functions.channels.GetParticipantsRequest)
def get_participants(call: Call, request: Any) -> Any:
    """Return members of a supergroup, those of a channel only to its admins; there are the filters by admins and by name."""
    group = channel_of(call, request.channel)
    if group.kind == "channel":
        check_may_manage(call.world, call.me, group)
    wanted = isinstance(request.filter, types.ChannelParticipantsAdmins)
    query = getattr(request.filter, "q", "").casefold().split()
    present = [member for member in call.world.groups.present(group) if member.manages or not wanted]
    members = [member for member in present if has_words(_names(call, member), query)]
    page = members[request.offset : request.offset + request.limit]
    company = call.services.company.of(call.key, (), peers=[group.peer, *(member.user_id for member in page)])
    return types.channels.ChannelParticipants(len(members), [_participant(call, member) for member in page], **company)


@METHODS.serves(functions.channels.JoinChannelRequest)
def join_channel(call: Call, request: Any) -> Any:
    group = channel_of(call, request.channel)
    if call.world.groups.is_in(group, call.me.id):
        raise bad_request("USER_ALREADY_PARTICIPANT")
    call.services.membership.add(group, call.me, [call.me])
    return _changed(call, group)


@METHODS.serves(functions.channels.LeaveChannelRequest)
def leave_channel(call: Call, request: Any) -> Any:
    group = channel_of(call, request.channel)
    if call.services.membership.remove(group, call.me, call.me, "left") is None and group.kind == "supergroup":
        raise bad_request("USER_NOT_PARTICIPANT")
    return _changed(call, group)


@METHODS.serves(functions.channels.InviteToChannelRequest)
def invite_to_channel(call: Call, request: Any) -> Any:
    group = channel_of(call, request.channel)
    check_may_manage(call.world, call.me, group)
    call.services.membership.add(group, call.me, [user_person(call, user) for user in request.users])
    return types.messages.InvitedUsers(_changed(call, group), [])


@METHODS.serves(functions.channels.CreateChannelRequest)
def create_channel(call: Call, request: Any) -> Any:
    if not request.title.strip():
        raise bad_request("CHAT_TITLE_EMPTY")
    kind: Kind = "channel" if request.broadcast or not request.megagroup else "supergroup"
    group, message = call.services.membership.make(call.me, kind, request.title, about=request.about, skip=call.key)
    return made(call, message, types.UpdateChannel(group.id))


def _changed(call: Call, group: Group) -> Any:
    company = call.services.company.of(call.key, (), peers=[group.peer])
    return call.services.publisher.updates([types.UpdateChannel(group.id)], company)


def _names(call: Call, member: Member) -> str:
    person = call.world.people[member.user_id]
    return " ".join([person.name, *person.usernames])


def _participant(call: Call, member: Member) -> Any:
    date = member.since
    if member.role == "creator":
        return types.ChannelParticipantCreator(member.user_id, types.ChatAdminRights())
    if member.role == "admin":
        return types.ChannelParticipantAdmin(member.user_id, member.invited_by, date, types.ChatAdminRights(post_messages=True))
    if member.user_id == call.me.id:
        return types.ChannelParticipantSelf(member.user_id, member.invited_by, date)
    return types.ChannelParticipant(member.user_id, date)
