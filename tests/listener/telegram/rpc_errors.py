"""Telethon's exceptions for errors that Telegram answers with."""

from __future__ import annotations

from typing import Any

from telethon.errors import rpc_message_to_error
from telethon.tl.types import RpcError


def telethon_error(code: int, name: str) -> Any:
    """Return Telethon's exception for an error of Telegram."""
    return rpc_message_to_error(RpcError(code, name), None)
