"""Groups and channels as one authorisation sees them.

Who is in one gets `chat` or `channel`, who was put out of a private one `chatForbidden` or `channelForbidden`
(https://core.telegram.org/type/Chat).
"""

from __future__ import annotations

from typing import Any

from telethon.tl import types

from testing.telegram_server.model.group import Group, Member
from testing.telegram_server.model.key import Key
from testing.telegram_server.model.layers import channel_type
from testing.telegram_server.model.peer import bare
from testing.telegram_server.model.world import World
from testing.telegram_server.views.people import People

FOR_EVER = (
    2**31 - 1
)  # any time beyond 366 days is (https://core.telegram.org/constructor/chatBannedRights); this one is what Telegram sends
_MESSAGE_RIGHTS = ("send_messages", "send_media", "send_plain", "send_photos", "send_docs")


class GroupViews:
    """Make `Chat` objects, with the viewer's own access hashes."""

    def __init__(self, world: World, people: People) -> None:
        self._world, self._people = world, people

    def chat(self, key: Key, group: Group) -> Any:
        viewer = key.user_id or 0
        self._people.tell(key, group.peer)
        member = self._world.groups.member(group, viewer)
        put_out = member is not None and member.standing == "kicked"
        if group.kind == "basic":
            return types.ChatForbidden(group.id, group.title) if put_out else self._basic(viewer, group, member)
        access_hash = self._world.access_hash(viewer, group.peer)
        broadcast = group.kind == "channel"
        if put_out or (group.username is None and (member is None or member.standing != "in")):
            return types.ChannelForbidden(group.id, access_hash, group.title, broadcast=broadcast, megagroup=not broadcast)
        return self._channel(key.layer, group, member, access_hash)

    def _basic(self, viewer: int, group: Group, member: Member | None) -> Any:
        return types.Chat(
            id=group.id,
            title=group.title,
            photo=types.ChatPhotoEmpty(),
            participants_count=len(self._world.groups.present(group)),
            date=group.date,
            version=group.version,
            creator=_is_creator(member),
            left=_is_out(member),
            deactivated=group.migrated_to is not None or None,
            migrated_to=self._moved(viewer, group.migrated_to) if group.migrated_to is not None else None,
            admin_rights=_admin_rights(member),
            default_banned_rights=banned_rights(writing=group.members_write),
        )

    def _moved(self, viewer: int, peer: int) -> Any:
        return types.InputChannel(bare(peer), self._world.access_hash(viewer, peer))

    def _channel(self, layer: int, group: Group, member: Member | None, access_hash: int) -> Any:
        restricted = member is not None and not member.may_write
        return channel_type(layer)(
            id=group.id,
            title=group.title,
            photo=types.ChatPhotoEmpty(),
            date=member.since if member is not None else group.date,
            creator=_is_creator(member),
            left=_is_out(member),
            broadcast=group.kind == "channel",
            megagroup=group.kind == "supergroup",
            access_hash=access_hash,
            username=group.username,
            admin_rights=_admin_rights(member),
            banned_rights=banned_rights(writing=False) if restricted else None,
            default_banned_rights=banned_rights(writing=group.members_write) if group.kind == "supergroup" else None,
            participants_count=len(self._world.groups.present(group)),
        )


def banned_rights(*, writing: bool) -> Any:
    """Return rights as `chatBannedRights`, which names what is not allowed (https://core.telegram.org/api/rights)."""
    return types.ChatBannedRights(until_date=FOR_EVER, **{} if writing else dict.fromkeys(_MESSAGE_RIGHTS, True))


def _is_creator(member: Member | None) -> bool:
    return member is not None and member.role == "creator"


def _is_out(member: Member | None) -> bool:
    return member is None or member.standing != "in"


def _admin_rights(member: Member | None) -> Any:
    if member is None or not member.manages:
        return None
    return types.ChatAdminRights(post_messages=True, edit_messages=True, delete_messages=True, ban_users=True, invite_users=True)
