"""Settings from the environment. Only `handler.py` and `__main__.py` read them, once per process.

Each deployable combines the classes that it needs. Field names are the names of the environment variables, in lower case.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class EnvironmentSettings(BaseSettings):
    """The base of settings: read from the environment, never changed after."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")


class TableSettings(EnvironmentSettings):
    """The state table."""

    table_name: str


class DeliverySettings(TableSettings):
    """The table of deliveries, and the days for which it keeps them: seven or more, because parked events wait for up to five days."""

    deliveries_table_name: str
    deliveries_kept_days: int = Field(14, ge=7, le=365)


class MediaSettings(EnvironmentSettings):
    """The bucket for files on their way."""

    media_bucket: str


class HttpSettings(TableSettings):
    """The settings of every HTTP function. `cors_origins` are separated by spaces or commas."""

    cors_origins: str = "http://localhost:5173"

    @property
    def origins(self) -> list[str]:
        """The origins that browsers may call from."""
        return self.cors_origins.replace(",", " ").split()


class OutboxSettings(EnvironmentSettings):
    """Whether `POST /send` sends, and to whom: recipients with spaces or commas between them. Closed by default."""

    outbox_enabled: bool = False
    outbox_whitelist: str = ""


class CallbackSettings(EnvironmentSettings):
    """The callback URLs that are allowed. On AWS: https to public addresses only.

    `own_ports_file` is for a system on one machine. It lists the ports of that system: callbacks never go there.
    """

    allow_http_callbacks: bool = False
    allow_private_callbacks: bool = False
    own_ports_file: Path | None = None
