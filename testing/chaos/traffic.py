"""Strangers who write: in each chat numbers from 1, one message after another, each exactly once whatever becomes of the server."""

from __future__ import annotations

import asyncio
import random

from testing.chaos.fault_log import FaultLog
from testing.chaos.message_audit import MessageAudit, Sequence, text_of
from testing.chaos.population import ScriptedChat
from testing.chaos.telegram_process import RestartingServer


class Traffic:
    """Writes until `stopping` is set; then `write` returns once what was begun is finished."""

    def __init__(self, server: RestartingServer, audit: MessageAudit, fault_log: FaultLog, rng: random.Random) -> None:
        self._server = server
        self._tally = audit
        self._journal = fault_log
        self._rng = rng
        self.stopping = asyncio.Event()

    async def write(self, chats: list[ScriptedChat], rate: float) -> None:
        """Write to all chats at once, each as often as the others, `rate` messages delivered per second in all."""
        every_s = sum(len(chat.participants) for chat in chats) / rate
        async with asyncio.TaskGroup() as tasks:
            for chat in chats:
                tasks.create_task(self._write_to(chat, every_s))

    async def _write_to(self, chat: ScriptedChat, every_s: float) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self._rng.uniform(0, every_s)
        while not self.stopping.is_set():
            await asyncio.sleep(max(0.0, due - loop.time()))  # the rate
            due = max(due, loop.time() - every_s) + self._rng.uniform(0.5, 1.5) * every_s
            await self._say(chat)

    async def _say(self, chat: ScriptedChat) -> None:
        number = chat.last + 1
        text = text_of(chat.number, number)
        at_s = self._journal.now
        while await self._server.once("POST", f"/people/{chat.stranger}/messages", {"to": chat.to, "text": text}) is None:
            if await self._is_there(chat, text):
                break
        chat.last = number
        for participant in chat.participants:
            self._tally.note_said(Sequence(participant.tenant_id, chat.number), number, at_s)

    async def _is_there(self, chat: ScriptedChat, text: str) -> bool:
        """Look a message up that the server may or may not have taken before it went down."""
        found = await self._server.get(f"/people/{chat.stranger}/messages", chat=chat.to, contains=text, limit=10_000)
        return any(message["text"] == text for message in found["messages"])
