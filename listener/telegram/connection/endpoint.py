"""The Telegram that accounts connect to, and the application that we connect as."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from telethon.crypto import rsa

from listener.telegram.connection.data_centres import PRODUCTION, Address, read_addresses
from listener.telegram.connection.tunnel import Tunnel
from listener.telegram.session import Identity, Session
from shared.model.proxy import Proxy


@dataclass(frozen=True)
class TelegramEndpoint:
    """The data centre of a first connect (Telegram sends accounts on to theirs) and the application's id and hash.

    `others` are the known addresses of all data centres. `moves` means that addresses may change between connects, as a test server's
    ports do: then those known here count, and not those in sessions.
    `proxy` is an account's: all its connections go through it.
    """

    api_id: int
    api_hash: str
    dc_id: int
    address: str
    port: int
    moves: bool = False
    others: Mapping[int, Address] = field(default_factory=dict)
    proxy: Proxy | None = None

    def new_session(self) -> Session:
        """Return credentials without a key: the first connect makes a key."""
        return Session(identity=Identity(api_id=self.api_id), dc_id=self.dc_id, address=self.address, port=self.port)

    def located(self, session: Session) -> Session:
        """Return the session with the present address of its data centre if the endpoint moves, and otherwise unchanged."""
        address = self.known(session.dc_id) if self.moves else None
        return session if address is None else replace(session, address=address.host, port=address.port)

    def tunnel(self) -> Tunnel | None:
        """Return the way through the proxy, if there is one. Only beside a test server may it have a private address."""
        return Tunnel(self.proxy, private=self.moves) if self.proxy else None

    def known(self, dc_id: int) -> Address | None:
        """Return the known address of a data centre."""
        return Address(self.address, self.port) if dc_id == self.dc_id else self.others.get(dc_id)


def real(api_id: int, api_hash: str) -> TelegramEndpoint:
    """Return the real Telegram: production, data centre 2 (https://my.telegram.org/apps names the address)."""
    return TelegramEndpoint(api_id, api_hash, 2, *PRODUCTION[2], others=PRODUCTION)


def test_server(api_id: int, api_hash: str, dc_id: int, address: str, public_key: bytes) -> TelegramEndpoint:
    """Return a test server and make Telethon trust its key (PEM, PKCS#1). `address` is host:port, then `,<dc>=<host>:<port>` for others.

    A process connects either to test servers or to the real Telegram: Telethon keeps the list of data centres on its class.
    """
    rsa.add_key(public_key, old=True)  # Telethon's key exchange uses the scheme of the old keys
    others = read_addresses(address, dc_id)
    return TelegramEndpoint(api_id, api_hash, dc_id, *others[dc_id], moves=True, others=others)


def silence_telethon() -> None:
    """Keep Telethon out of the log, since it quotes requests and answers. The connection loop logs what ends a connection."""
    logging.getLogger("telethon").setLevel(logging.CRITICAL)
