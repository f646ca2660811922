"""Kurigram, unmodified, on strings: one command a line comes in as JSON, its result goes out as one line.

It runs in an environment of its own, which has Kurigram and nothing of this project. Kurigram's options for tests are used: the class of
connections (here one that goes to the test server in place of Telegram's addresses) and the table of server keys.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from typing import Any

from pyrogram import Client, enums
from pyrogram import errors as pyrogram_errors
from pyrogram.connection import Connection
from pyrogram.connection.transport import TCPAbridged, TCPIntermediatePadded
from pyrogram.crypto.rsa import PublicKey, server_public_keys

SERVER: dict[str, Any] = json.loads(sys.argv[1])  # host, port, fingerprint, modulus, exponent, folder
server_public_keys[SERVER["fingerprint"]] = PublicKey(int(SERVER["modulus"], 16), SERVER["exponent"])


class ToTestServer(Connection):  # type: ignore[misc]  # Kurigram is not where the types are checked
    """A connection that goes to the test server wherever Telegram's own addresses are meant."""

    def __init__(self, **options: Any) -> None:
        if options["server_address"] != SERVER["host"]:
            options.update(server_address=SERVER["host"], port=SERVER["port"])
        super().__init__(**options)


class Account:
    """One client and what its handlers were given."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.phone = self.code_hash = ""
        self.client = self._made()

    def _made(self) -> Any:
        client = Client(
            self.name,
            api_id=1,
            api_hash="hash",
            workdir=SERVER["folder"],
            test_mode=True,
            skip_updates=False,
            sleep_threshold=0,
            workers=1,  # with more of them Kurigram's handlers overtake each other
            connection_factory=ToTestServer,
            protocol_factory=TCPIntermediatePadded if self.name == "bob" else TCPAbridged,
            parse_mode=enums.ParseMode.DISABLED,
        )
        client.on_message()(self._new)
        client.on_edited_message()(self._edited)
        client.on_deleted_messages()(self._deleted)
        return client

    async def _new(self, client: Any, message: Any) -> None:
        if not message.outgoing and message.service is None:
            await self.events.put({"kind": "new", "chat": message.chat.id, "id": message.id, "text": message.text or message.caption})

    async def _edited(self, client: Any, message: Any) -> None:
        if not message.outgoing:
            await self.events.put({"kind": "edit", "chat": message.chat.id, "id": message.id, "text": message.text})

    async def _deleted(self, client: Any, messages: Any) -> None:
        for message in messages:
            await self.events.put({"kind": "delete", "id": message.id})

    async def ask_code(self, phone: str) -> None:
        await self.client.connect()
        self.phone = phone
        self.code_hash = (await self.client.send_phone_number_code(phone)).phone_code_hash

    async def sign_in(self, code: str) -> str:
        try:
            user = await self.client.sign_in(self.phone, self.code_hash, code)
        except pyrogram_errors.SessionPasswordNeeded:
            return "password"
        return await self._begun(user)

    async def password(self, password: str) -> str:
        try:
            user = await self.client.check_password(password)
        except pyrogram_errors.PasswordHashInvalid:
            return "wrong"
        return await self._begun(user)

    async def _begun(self, user: Any) -> str:
        await self.client.disconnect()
        await self.client.start()
        return str(user.first_name)

    async def close(self) -> None:
        await self.client.stop()

    async def open(self) -> None:
        """As after a restart of the application; a client that was stopped has lost its handlers."""
        self.client = self._made()
        await self.client.start()

    async def log_out(self) -> bool:
        return bool(await self.client.log_out())

    async def event(self) -> dict[str, Any]:
        return await self.events.get()

    async def dialogs(self) -> list[int]:
        return [dialog.chat.id async for dialog in self.client.get_dialogs()]

    async def history(self, chat: Any) -> list[str]:
        return [message.text async for message in self.client.get_chat_history(chat) if message.text]

    async def send(self, chat: Any, text: str, reply_to: int | None = None) -> int:
        from pyrogram.types import ReplyParameters  # the name is new: older releases take a number

        reply = ReplyParameters(message_id=reply_to) if reply_to else None
        return int((await self.client.send_message(chat, text, reply_parameters=reply)).id)

    async def edit(self, chat: Any, message: int, text: str) -> str:
        return str((await self.client.edit_message_text(chat, message, text)).text)

    async def delete(self, chat: Any, message: int) -> None:
        await self.client.delete_messages(chat, message)

    async def send_file(self, chat: Any, path: str, caption: str) -> int:
        return int((await self.client.send_document(chat, path, caption=caption)).id)

    async def fetch_file(self, chat: Any, message: int) -> str:
        found = await self.client.get_messages(chat, message)
        kept = await self.client.download_media(found, in_memory=True)
        return hashlib.sha256(bytes(kept.getbuffer())).hexdigest()

    async def make_basic(self, title: str, people: list[str]) -> int:
        return int((await self.client.create_group(title, people)).id)

    async def make_channel(self, title: str, broadcast: bool) -> int:
        make = self.client.create_channel if broadcast else self.client.create_supergroup
        return int((await make(title)).id)


async def main() -> None:
    """Serve commands until the input ends."""
    accounts: dict[str, Account] = {}
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command = json.loads(line)
        try:
            if command["do"] == "new":
                accounts[command["account"]] = Account(command["account"])
                result: Any = None
            else:
                result = await getattr(accounts[command["account"]], command["do"])(**command["with"])
            answer = {"result": result}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    for account in accounts.values():
        if account.client.is_connected:
            await account.client.stop()


if __name__ == "__main__":
    asyncio.run(main())
