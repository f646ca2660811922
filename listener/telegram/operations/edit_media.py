"""The command `edit` with an attachment: other media for a message, in place of what it has."""

from __future__ import annotations

from typing import Protocol, TypeVar

from listener.telegram.connection.client import Client
from listener.telegram.media.file_kinds import input_media
from listener.telegram.media.transfers import Transfers
from listener.telegram.operations.known_media import KnownMedia
from listener.telegram.operations.message_changes import edit_message
from listener.telegram.operations.operation_runner import Operation
from shared.rpc.message_changes import EditMessage, MessageChanged

R = TypeVar("R")


class EditingAccount(Protocol):
    """An account that runs operations and uploads files."""

    async def perform(self, operation: Operation[R]) -> R:
        """Run an operation; raise AvioError."""

    async def connected_client(self) -> Client:
        """Return the account's client once it is connected."""

    def transfers(self) -> Transfers:
        """Return the account's files on their way."""


async def edit(account: EditingAccount, command: EditMessage) -> MessageChanged:
    """Run the command `edit`, with or without an attachment; raise what editing, opening and uploading raise."""
    if command.attachment is None:
        return await edit_message(account, command)
    await account.connected_client()
    transfers = account.transfers()
    uploaded = await transfers.ready(command.attachment)
    _, media = input_media(uploaded, command.attachment.type)
    changed = await edit_message(account, command, KnownMedia(media))
    transfers.forget([uploaded])
    return changed
