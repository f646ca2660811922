"""Which Telegram this is, and as which application we come to it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from telethon.crypto import rsa

from listener.telegram.session import Identity, Session


@dataclass(frozen=True)
class Telegram:
    """The data centre of a first connect (Telegram sends accounts on to theirs) and the application's id and hash."""

    api_id: int
    api_hash: str
    dc_id: int
    address: str
    port: int
    moves: bool = False

    def new_session(self) -> Session:
        """Return credentials without a key: the first connect makes one."""
        return Session(identity=Identity(api_id=self.api_id), dc_id=self.dc_id, address=self.address, port=self.port)

    def located(self, session: Session) -> Session:
        """Return the session where its data centre is now: a test server has one, and may have moved to another port since."""
        return replace(session, address=self.address, port=self.port) if self.moves else session


def real(api_id: int, api_hash: str) -> Telegram:
    """Return Telegram itself: production, data centre 2 (https://my.telegram.org/apps names the address)."""
    return Telegram(api_id, api_hash, 2, "149.154.167.51", 443)


def test_server(api_id: int, api_hash: str, dc_id: int, address: str, public_key: bytes) -> Telegram:
    """Return a test server at host:port and have Telethon trust its key (PEM, PKCS#1).

    A process knows test servers or the real one, never both: Telethon keeps the list of data centres on its class.
    """
    rsa.add_key(public_key, old=True)  # Telethon's key exchange uses the scheme of the old keys
    host, port = address.rsplit(":", 1)
    return Telegram(api_id, api_hash, dc_id, host, int(port), moves=True)


def silence_telethon() -> None:
    """Keep Telethon out of the log: it quotes requests and answers. What ends a connection is logged by the account's task."""
    logging.getLogger("telethon").setLevel(logging.CRITICAL)
