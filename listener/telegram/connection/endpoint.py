"""The Telegram that accounts connect to, and the application that we connect as."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from telethon.crypto import rsa

from listener.telegram.session import Identity, Session


@dataclass(frozen=True)
class TelegramEndpoint:
    """The data centre of a first connect (Telegram sends accounts on to theirs) and the application's id and hash.

    `moves` means that the address may change between connects, as a test server's port does.
    """

    api_id: int
    api_hash: str
    dc_id: int
    address: str
    port: int
    moves: bool = False

    def new_session(self) -> Session:
        """Return credentials without a key: the first connect makes a key."""
        return Session(identity=Identity(api_id=self.api_id), dc_id=self.dc_id, address=self.address, port=self.port)

    def located(self, session: Session) -> Session:
        """Return the session with this address if the endpoint moves, and otherwise unchanged."""
        return replace(session, address=self.address, port=self.port) if self.moves else session


def real(api_id: int, api_hash: str) -> TelegramEndpoint:
    """Return the real Telegram: production, data centre 2 (https://my.telegram.org/apps names the address)."""
    return TelegramEndpoint(api_id, api_hash, 2, "149.154.167.51", 443)


def test_server(api_id: int, api_hash: str, dc_id: int, address: str, public_key: bytes) -> TelegramEndpoint:
    """Return a test server at host:port and make Telethon trust its key (PEM, PKCS#1).

    A process connects either to test servers or to the real Telegram: Telethon keeps the list of data centres on its class.
    """
    rsa.add_key(public_key, old=True)  # Telethon's key exchange uses the scheme of the old keys
    host, port = address.rsplit(":", 1)
    return TelegramEndpoint(api_id, api_hash, dc_id, host, int(port), moves=True)


def silence_telethon() -> None:
    """Keep Telethon out of the log, since it quotes requests and answers. The connection loop logs what ends a connection."""
    logging.getLogger("telethon").setLevel(logging.CRITICAL)
