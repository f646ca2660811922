"""The command `chats/members`: who is in a group or channel.

basic group    all members come in one answer; pages and searches are made of that here
supergroup     Telegram pages and searches, ten thousand members at most
channel        the same, for its admins alone
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from telethon import utils
from telethon.tl import functions, types

from listener.telegram.operations.describing import people_of
from listener.telegram.operations.operation_runner import Connected, Operation, Performer
from listener.telegram.operations.pages import NUMBER, cursor_of, place_of
from listener.telegram.operations.recipients import readable
from shared.errors import AvioError, Code
from shared.rpc.chats import ListMembers, Member, MemberPage, Role
from shared.rpc.people import Person


async def list_members(account: Performer, command: ListMembers) -> MemberPage:
    """Run the command `chats/members`; raise `not_a_group`, `admin_required`, `not_a_member`, or `invalid_request` for a cursor."""
    start = place_of(command.cursor, "members", NUMBER)[0] if command.cursor else 0

    async def run(at: Connected) -> MemberPage:
        _, peer = await readable(at.client, at.peers, at.self_id, command.to)
        match peer:
            case types.InputPeerChannel():
                return await _of_channel(at, utils.get_input_channel(peer), command, start)
            case types.InputPeerChat():
                return await _of_basic_group(at, peer.chat_id, command, start)
        raise AvioError(Code.NOT_A_GROUP)

    return await account.perform(Operation(run, changes=False))


async def _of_channel(at: Connected, channel: Any, command: ListMembers, start: int) -> MemberPage:
    wanted = types.ChannelParticipantsSearch(command.query or "")  # that of nothing finds all, as the recent ones' filter does not
    answer = await at.client.invoke(functions.channels.GetParticipantsRequest(channel, wanted, start, command.limit, 0))
    participants = getattr(answer, "participants", ())
    end = start + len(participants)
    members = await _members(at, answer.users, [each for each in participants if not _is_out(each)])
    more = participants and end < answer.count
    return MemberPage(members=tuple(members), next=cursor_of("members", end) if more else None)


async def _of_basic_group(at: Connected, chat_id: int, command: ListMembers, start: int) -> MemberPage:
    answer = await at.client.invoke(functions.messages.GetFullChatRequest(chat_id))
    if isinstance(answer.full_chat.participants, types.ChatParticipantsForbidden):
        raise AvioError(Code.NOT_A_MEMBER)
    members = await _members(at, answer.users, answer.full_chat.participants.participants)
    found = [member for member in members if not command.query or _is_named(member.person, command.query)]
    end = start + command.limit
    return MemberPage(members=tuple(found[start:end]), next=cursor_of("members", end) if end < len(found) else None)


async def _members(at: Connected, users: Sequence[Any], participants: Sequence[Any]) -> list[Member]:
    await at.peers.keep(at.peers.page(users))
    people = people_of(users)
    found = [(people.get(_user_id(participant)), participant) for participant in participants]
    return [_member(person, participant) for person, participant in found if person]


def _member(person: Person, participant: Any) -> Member:
    by_id = getattr(participant, "inviter_id", None)
    return Member(
        person=person,
        role=_role(participant),
        title=getattr(participant, "rank", None) or None,
        joined_at=getattr(participant, "date", None),
        by_id=None if by_id is None else str(by_id),
    )


def _role(participant: Any) -> Role:
    match participant:
        case types.ChannelParticipantCreator() | types.ChatParticipantCreator():
            return "creator"
        case types.ChannelParticipantAdmin() | types.ChatParticipantAdmin():
            return "admin"
        case types.ChannelParticipantBanned():
            return "restricted"
    return "member"


def _user_id(participant: Any) -> int:
    peer = getattr(participant, "peer", None)
    return int(getattr(peer, "user_id", 0) if peer else participant.user_id)


def _is_out(participant: Any) -> bool:
    return isinstance(participant, types.ChannelParticipantLeft) or bool(getattr(participant, "left", False))


def _is_named(person: Person, query: str) -> bool:
    """Tell whether a word of somebody's name, or a username, begins so: as Telegram searches in supergroups."""
    wanted = query.casefold().split()
    words = [*(person.name or "").casefold().split(), *(name.casefold() for name in (person.username, *person.more_usernames) if name)]
    return all(any(word.startswith(part) for word in words) for part in wanted)
