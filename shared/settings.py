"""Settings, read from the environment once, by `handler.py` and `__main__.py` alone.

Each deployable composes what it needs from these; names are those of the environment, in lower case.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class EnvironmentSettings(BaseSettings):
    """Read from the environment, never changed after."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")


class TableSettings(EnvironmentSettings):
    """Where state is."""

    table_name: str


class DeliverySettings(TableSettings):
    """Where deliveries are recorded, and for how many days. What is parked waits for five days at most, so no fewer than seven."""

    deliveries_table_name: str
    deliveries_kept_days: int = Field(14, ge=7, le=365)


class HttpSettings(TableSettings):
    """What every HTTP function reads. `cors_origins` are separated by spaces or commas."""

    cors_origins: str = "http://localhost:5173"

    @property
    def origins(self) -> list[str]:
        """The origins that browsers may call from."""
        return self.cors_origins.replace(",", " ").split()


class CallbackSettings(EnvironmentSettings):
    """Which callback URLs are allowed: on AWS https to public addresses only.

    Where the whole system runs on one machine, `own_ports_file` lists the ports that are its own: callbacks never go there.
    """

    allow_http_callbacks: bool = False
    allow_private_callbacks: bool = False
    own_ports_file: Path | None = None
