"""The Telegram test server: MTProto on one port, its control interface on another.

async with TelegramServer(state=None) as server:
    server.people.create(PersonSpec(phone="+15550100", first_name="Ann"))
    ...a Telethon client to server.host, server.port, with server.public_key...
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from testing.telegram_server.clock import Clock
from testing.telegram_server.control.app import build_app
from testing.telegram_server.control.control import Control
from testing.telegram_server.control.door import USER
from testing.telegram_server.control.groups import GroupsControl
from testing.telegram_server.control.http import serving
from testing.telegram_server.control.messages import MessagesControl
from testing.telegram_server.control.operation import OperationControl
from testing.telegram_server.control.people import PeopleControl
from testing.telegram_server.model.data_centres import DATA_CENTRES, DC_ID, Ports
from testing.telegram_server.model.world import World
from testing.telegram_server.mtproto.server_key import ServerKey
from testing.telegram_server.rpc.dispatch import Dispatcher
from testing.telegram_server.services import Services
from testing.telegram_server.settings import Settings
from testing.telegram_server.store import Store


class TelegramServer:
    """A server over a state directory, or in memory without one. Use it with `async with`, once.

    `control_port=None` leaves the HTTP interface out, whose password is made where none is given; `people`, `groups`, `messages` and
    `operation` offer the same in Python.
    """

    def __init__(
        self,
        *,
        state: Path | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        media_port: int = 0,
        control_port: int | None = None,
        control_password: str | None = None,
        settings: Settings | None = None,
        clock: Clock | None = None,
        server_key: ServerKey | None = None,
    ) -> None:
        self.host, self.port, self.media_port = host, port, media_port
        self.clock = clock or Clock()
        self._control_port = control_port
        self._control_password = control_password or secrets.token_hex(16)
        self._store = Store(state)
        self.services = Services.over(World(self._store, server_key), self.clock, settings or Settings())
        self.clock.advance(float(self._store.read("server", "clock") or 0))
        self.people = PeopleControl(self.services)
        self.groups = GroupsControl(self.services, self.people)
        self.messages = MessagesControl(self.services, self.people, self.groups)
        self.operation = OperationControl(self.services, self.people)
        self.public_key = self.services.world.server_key.public_pem
        self._listeners: list[asyncio.Server] = []
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> TelegramServer:
        accept = partial(self.services.hub.accept, Dispatcher(self.services))
        self._stack.push_async_callback(self._stop)
        for dc in DATA_CENTRES:
            self.services.hub.ports[dc] = await self._open(
                partial(accept, dc=dc), self._asked_port(dc), self.media_port if dc == DC_ID else 0
            )
        self._note_ports()
        self.port, self.media_port = self.ports[DC_ID].main, self.ports[DC_ID].media
        if self._control_port is not None:
            control = Control(self.info, self.people, self.groups, self.messages, self.operation)
            app = build_app(control, self._control_password)
            self._control_port = await self._stack.enter_async_context(serving(app, self.host, self._control_port))
            self._stack.callback(self.services.changes.close)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._stack.aclose()

    @property
    def control_url(self) -> str | None:
        """Where the control interface is, with the password in it: whoever has this may do everything there."""
        return f"http://{USER}:{self._control_password}@{self.host}:{self._control_port}" if self._control_port is not None else None

    def info(self) -> dict[str, Any]:
        """Return what a client must know to connect; `control_url` comes without the password."""
        return {
            "host": self.host,
            "port": self.port,
            "media_port": self.media_port,
            "dc_id": DC_ID,
            "data_centres": {str(dc): asdict(ports) for dc, ports in self.ports.items()},
            "public_key": self.public_key,
            "control_url": f"http://{self.host}:{self._control_port}" if self._control_port is not None else None,
            "stream": self.services.changes.stream_id,
        }

    @property
    def ports(self) -> dict[int, Ports]:
        """Where each data centre listens."""
        return self.services.hub.ports

    def _asked_port(self, dc: int) -> int:
        """Return the port that a data centre should have: the one asked for, or that of last time, since sessions hold it."""
        return self.port if dc == DC_ID else int(self._store.read("server", f"port:{dc}") or 0)

    def _note_ports(self) -> None:
        for dc, ports in self.ports.items():
            self._store.put("server", f"port:{dc}", str(ports.main).encode())
        self._store.commit()

    async def _open(self, accept: Callable[..., asyncio.Protocol], port: int, media_port: int) -> Ports:
        """Listen for one data centre. The port of last time may be taken by now: then it gets another."""
        try:
            main = await self._listen(accept, port)
        except OSError:
            if port == self.port:
                raise
            main = await self._listen(accept, 0)
        return Ports(main, await self._listen(partial(accept, media_only=True), media_port))

    async def _listen(self, accept: Callable[[], asyncio.Protocol], port: int) -> int:
        listener = await asyncio.get_running_loop().create_server(accept, self.host, port)
        self._listeners.append(listener)
        return int(listener.sockets[0].getsockname()[1])

    async def _stop(self) -> None:
        for listener in self._listeners:
            listener.close()
        self.services.hub.stop()
        await asyncio.sleep(0)  # the aborted connections take leave in the loop's next round
        self._store.close()
