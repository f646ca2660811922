"""The command `send/forward`: forwards messages of a chat, several in one request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from telethon import errors, utils
from telethon.tl import functions, types

from listener.telegram.operations.outgoing import Outgoing, Part, Sender, SendTarget
from listener.telegram.operations.recipients import readable
from listener.telegram.operations.send_options import message_number, options_of
from listener.telegram.operations.send_text import several_of
from listener.telegram.requests.errors import translate
from shared.errors import AvioError, Code
from shared.rpc.send import ForwardMessages, SeveralSent


@dataclass
class Forwarded:
    """Messages of another chat. `originals` are they, once they have been fetched."""

    source: str
    message_ids: tuple[int, ...]
    drop_author: bool = False
    originals: list[Any] | None = None

    async def parts(self, target: SendTarget, random_ids: Sequence[int]) -> list[Part]:
        """Return the one request. Each message must be there: Telegram would pass over those that are gone."""
        _, source = await readable(target.client, target.peers, target.self_id, self.source)
        originals = self.originals = self.originals or await self._fetched(target, source)
        fields = {name: value for name, value in target.common.items() if name != "reply_to"}
        reply = target.common.get("reply_to")
        request = functions.messages.ForwardMessagesRequest(
            source,
            list(self.message_ids),
            target.peer,
            drop_author=self.drop_author or None,
            random_id=list(random_ids),
            top_msg_id=reply.reply_to_msg_id if reply else None,
            **fields,
        )
        return [Part(request, tuple(random_ids), tuple(partial(self._is_it, original) for original in originals))]

    async def _fetched(self, target: SendTarget, source: Any) -> list[Any]:
        asked = [types.InputMessageID(number) for number in self.message_ids]
        request: Any = functions.messages.GetMessagesRequest(asked)
        if isinstance(source, types.InputPeerChannel):
            request = functions.channels.GetMessagesRequest(utils.get_input_channel(source), asked)
        try:
            answer = await target.client.invoke(request)
        except errors.RPCError as error:
            raise translate(error) from error
        target.peers.learn([*answer.users, *answer.chats])
        chat = target.self_id if isinstance(source, types.InputPeerSelf) else utils.get_peer_id(source)
        found = {m.id: m for m in answer.messages if isinstance(m, types.Message) and utils.get_peer_id(m.peer_id) == chat}
        if missing := [number for number in self.message_ids if number not in found]:
            raise AvioError(Code.MESSAGE_NOT_FOUND, message_ids=missing)
        return [found[number] for number in self.message_ids]

    def _is_it(self, original: Any, message: Any) -> bool:
        forwarded = message.fwd_from is not None or self.drop_author
        return bool(forwarded and message.message == original.message and type(message.media) is type(original.media))


async def forward_messages(account: Sender, command: ForwardMessages) -> SeveralSent:
    """Run the command `send/forward`."""
    numbers = tuple(message_number(message_id) for message_id in command.message_ids)
    if not numbers or len(numbers) != len(command.random_ids) or len(set(numbers)) != len(numbers):
        raise AvioError(Code.INVALID_REQUEST)
    content = Forwarded(command.source, numbers, command.drop_author)
    sent = await account.send(Outgoing(command.to, content, command.random_ids, options_of(command)))
    return several_of(sent)
