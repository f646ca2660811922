"""The names of the values in the deployment's secret."""

from __future__ import annotations

GENERATED = "ADMIN_TOKEN"
FILLED_IN = ("PUBLIC_KEY", "WA_WEB_TOKEN", "CALLBACK_SIGNING_SECRET", "TELEGRAM_API_ID", "TELEGRAM_API_HASH")
