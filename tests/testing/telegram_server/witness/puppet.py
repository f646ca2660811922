"""A witness in a process of its own: accounts that log in, write and listen as they are told."""

from __future__ import annotations

import asyncio
import contextlib
import json
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from testing.telegram_server.server import TelegramServer
from tests.testing.telegram_server.accounts import WAIT_S

_LINE_MAX = 1 << 20


class Puppet:
    """The process, and the accounts in it by name."""

    def __init__(self, process: Process, server: TelegramServer) -> None:
        self._process, self.server = process, server

    async def account(self, name: str, phone: str, password: str | None = None) -> Account:
        """Return an account that is logged in, with the code that its phone shows."""
        account = await self.stranger(name, phone)
        code = (await self.server.people.code(phone))["code"]
        if await account.do("sign_in", code=code) == "password":
            await account.do("password", password=password)
        return account

    async def stranger(self, name: str, phone: str) -> Account:
        """Return an account that has asked for its code."""
        account = Account(self, name)
        await account.do("new")
        await account.do("ask_code", phone=phone)
        return account

    async def call(self, account: str, what: str, options: dict[str, Any]) -> Any:
        """Have one command carried out; what went wrong there is raised here."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        command = {"account": account, "do": what, "with": options}
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        line = await asyncio.wait_for(self._process.stdout.readline(), 2 * WAIT_S)
        assert line, f"the witness died at {what}"
        answer = json.loads(line)
        assert "error" not in answer, f"{account}.{what}({options}): {answer['error']}\n{answer.get('stack', '')}"
        return answer["result"]


class Account:
    """One client of the witness's library."""

    def __init__(self, puppet: Puppet, name: str) -> None:
        self._puppet, self._name = puppet, name

    async def do(self, what: str, **options: Any) -> Any:
        """Have the account do something; the puppets' methods say what there is."""
        return await self._puppet.call(self._name, what, options)

    async def events(self, count: int) -> list[dict[str, Any]]:
        """Return the next things that the account was told."""
        return [await self.do("event") for _ in range(count)]


@contextlib.asynccontextmanager
async def puppet(command: list[str], server: TelegramServer, folder: Path) -> AsyncIterator[Puppet]:
    """Give a witness of the server; at the end its input ends, and it leaves."""
    public = load_pem_public_key(server.public_key.encode())
    assert isinstance(public, rsa.RSAPublicKey)
    numbers = public.public_numbers()
    key = {"modulus": f"{numbers.n:x}", "exponent": numbers.e, "fingerprint": server.services.world.server_key.fingerprint}
    told = json.dumps({**server.info(), **key, "folder": str(folder)})
    process = await create_subprocess_exec(command[0], command[1], told, *command[2:], stdin=PIPE, stdout=PIPE, limit=_LINE_MAX)
    try:
        yield Puppet(process, server)
        assert process.stdin is not None
        process.stdin.close()
        assert await asyncio.wait_for(process.wait(), WAIT_S) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
