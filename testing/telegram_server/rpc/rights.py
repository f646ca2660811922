"""Who may write where, change what, and manage whom (https://core.telegram.org/api/rights)."""

from __future__ import annotations

from testing.telegram_server.actions.talk import Peer
from testing.telegram_server.model.dialog import dialog_of
from testing.telegram_server.model.group import Group, Member
from testing.telegram_server.model.message import Message
from testing.telegram_server.model.person import Person
from testing.telegram_server.model.world import World
from testing.telegram_server.rpc.errors import bad_request, forbidden


def check_may_write(world: World, sender: Person, peer: Peer) -> None:
    """Raise when a person may not write to another, or into a group."""
    if isinstance(peer, Person):
        _check_private(world, sender, peer)
    else:
        _check_group(world, sender, peer)


def _check_private(world: World, sender: Person, peer: Person) -> None:
    if peer.deleted:
        raise bad_request("INPUT_USER_DEACTIVATED")
    if sender.id in peer.blocked:
        raise forbidden("USER_IS_BLOCKED")
    if peer.id in sender.blocked:
        raise bad_request("YOU_BLOCKED_USER")
    welcome = {"everybody": True, "contacts": sender.id in peer.contacts, "nobody": False}[peer.messages_from]
    if not welcome and sender is not peer:
        raise forbidden("PRIVACY_PREMIUM_REQUIRED")
    if sender.spam_limited and sender is not peer and _is_stranger(world, sender, peer):
        raise bad_request("PEER_FLOOD")


def _is_stranger(world: World, sender: Person, peer: Person) -> bool:
    """Tell whether a limited account may not write to somebody: "people who do not have your number in their phone contacts", but "when
    people contact you first, you can always reply to them" (https://telegram.org/faq_spam).
    """
    chat = dialog_of(world, sender.id, peer.id)
    written = any(chat.box.messages[number].sender == peer.id for number in chat.chat.ids)
    return sender.id not in peer.contacts and not written


def _check_group(world: World, sender: Person, group: Group) -> None:
    """https://core.telegram.org/method/messages.sendMessage lists these errors; which one comes when is observed."""
    if group.migrated_to is not None:
        raise bad_request("PEER_ID_INVALID")
    member = world.groups.member(group, sender.id)
    if member is not None and member.standing == "in" and member.manages:
        return
    if group.kind == "channel":
        raise bad_request("CHAT_ADMIN_REQUIRED")
    if member is None or member.standing != "in" or not group.members_write:
        raise forbidden("CHAT_WRITE_FORBIDDEN")
    if not member.may_write:
        raise bad_request("USER_BANNED_IN_CHANNEL")


def check_may_manage(world: World, person: Person, group: Group) -> Member:
    """Raise unless a person is an admin of a group."""
    member = world.groups.member(group, person.id)
    if member is None or member.standing != "in" or not member.manages:
        raise bad_request("CHAT_ADMIN_REQUIRED")
    return member


def may_delete_for_all(world: World, person: Person, message: Message) -> bool:
    """Tell whether a message goes for everybody: in private chats always, else for its sender and for admins."""
    group = world.groups.get(message.peer)
    if group is None or message.sender == person.id:
        return True
    member = world.groups.member(group, person.id)
    return member is not None and member.standing == "in" and member.manages
