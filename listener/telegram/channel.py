"""Telegram as a channel: opens accounts for the core, and names the handlers of their commands."""

from __future__ import annotations

from listener.core.account_context import AccountContext
from listener.core.channel import Handlers
from listener.core.connect_limiter import ConnectLimiter
from listener.core.runtime.signals import Signal
from listener.telegram.connection.endpoint import TelegramEndpoint
from listener.telegram.operations.chat_changes import mark_unread, read_chat, show_chat_action
from listener.telegram.operations.chat_list import list_chats
from listener.telegram.operations.chat_reading import get_chat, get_message, list_messages
from listener.telegram.operations.edit_media import edit
from listener.telegram.operations.forward import forward_messages
from listener.telegram.operations.get_media import get_media
from listener.telegram.operations.members import list_members
from listener.telegram.operations.message_changes import delete_messages, pin_message, set_reactions
from listener.telegram.operations.people import add_contact, find_peer, get_person, get_self, list_contacts
from listener.telegram.operations.send_attachments import send_attachments
from listener.telegram.operations.send_text import send_message
from listener.telegram.operations.send_things import send_contact, send_location, send_poll
from listener.telegram.proxy_commands import get_proxy, remove_proxy, set_proxy, try_proxy
from listener.telegram.requests.answers import AnswerRoom
from listener.telegram.session_import import import_session
from listener.telegram.telegram_account import TelegramAccount
from shared.model.ids import Channel
from shared.rpc.chat_changes import MarkUnread, ReadChat, ShowChatAction
from shared.rpc.chats import GetChat, GetMessage, ListChats, ListMembers, ListMessages
from shared.rpc.get_media import GetMedia
from shared.rpc.import_session import ImportSession
from shared.rpc.log_in import (
    CancelLogIn,
    LogInCode,
    ResendCode,
    SetLogInEmail,
    StartLogIn,
    StateReached,
    VerifyLogIn,
    VerifyLogInEmail,
)
from shared.rpc.message_changes import DeleteMessages, EditMessage, PinMessage, SetReactions
from shared.rpc.people import AddContact, FindPeer, GetPerson, GetSelf, ListContacts
from shared.rpc.proxy import GetProxy, RemoveProxy, SetProxy, TestProxy
from shared.rpc.qr_log_in import GivePassword, QrCodeIssued, StartQrLogIn
from shared.rpc.send import ForwardMessages, SendContact, SendLocation, SendMessage, SendPoll
from shared.rpc.send_attachments import SendAttachments


async def _start(account: TelegramAccount, command: StartLogIn) -> LogInCode | StateReached:
    return await account.flow.start(command.phone)


async def _resend(account: TelegramAccount, _: ResendCode) -> LogInCode | StateReached:
    return await account.flow.resend()


async def _cancel(account: TelegramAccount, _: CancelLogIn) -> StateReached:
    return await account.flow.cancel()


async def _set_email(account: TelegramAccount, command: SetLogInEmail) -> LogInCode:
    return await account.flow.set_email(command.email)


async def _verify_email(account: TelegramAccount, command: VerifyLogInEmail) -> LogInCode | StateReached:
    return await account.flow.verify_email(command.code)


async def _verify(account: TelegramAccount, command: VerifyLogIn) -> StateReached:
    return await account.flow.verify(command.phone, command.code, command.password)


async def _start_qr(account: TelegramAccount, _: StartQrLogIn) -> QrCodeIssued | StateReached:
    return await account.qr.start()


async def _give_password(account: TelegramAccount, command: GivePassword) -> StateReached:
    return await account.flow.give_password(command.password)


HANDLERS: Handlers = dict(
    [
        StartLogIn.handled_by(_start),
        ResendCode.handled_by(_resend),
        CancelLogIn.handled_by(_cancel),
        VerifyLogIn.handled_by(_verify),
        SetLogInEmail.handled_by(_set_email),
        VerifyLogInEmail.handled_by(_verify_email),
        StartQrLogIn.handled_by(_start_qr),
        GivePassword.handled_by(_give_password),
        ImportSession.handled_by(import_session),
        SetProxy.handled_by(set_proxy),
        GetProxy.handled_by(get_proxy),
        RemoveProxy.handled_by(remove_proxy),
        TestProxy.handled_by(try_proxy),
        SendMessage.handled_by(send_message),
        SendLocation.handled_by(send_location),
        SendContact.handled_by(send_contact),
        SendPoll.handled_by(send_poll),
        ForwardMessages.handled_by(forward_messages),
        GetMedia.handled_by(get_media),
        SendAttachments.handled_by(send_attachments),
        EditMessage.handled_by(edit),
        DeleteMessages.handled_by(delete_messages),
        SetReactions.handled_by(set_reactions),
        PinMessage.handled_by(pin_message),
        ReadChat.handled_by(read_chat),
        MarkUnread.handled_by(mark_unread),
        ShowChatAction.handled_by(show_chat_action),
        ListChats.handled_by(list_chats),
        GetChat.handled_by(get_chat),
        ListMessages.handled_by(list_messages),
        GetMessage.handled_by(get_message),
        ListMembers.handled_by(list_members),
        GetSelf.handled_by(get_self),
        GetPerson.handled_by(get_person),
        FindPeer.handled_by(find_peer),
        ListContacts.handled_by(list_contacts),
        AddContact.handled_by(add_contact),
    ]
)


class TelegramDriver:
    """Telegram at one worker. All its accounts connect to one endpoint, and one limiter paces their connects."""

    channel = Channel.TELEGRAM
    handlers = HANDLERS

    def __init__(self, endpoint: TelegramEndpoint, limiter: ConnectLimiter | None = None) -> None:
        self._endpoint = endpoint
        self._limiter = limiter or ConnectLimiter()
        self._answer_room = AnswerRoom()

    def open(self, context: AccountContext, wake: Signal) -> TelegramAccount:
        """Return Telegram's side of an account that this worker has just claimed."""
        return TelegramAccount(context, self._endpoint, self._limiter, self._answer_room, wake)
