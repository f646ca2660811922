"""Write the digests of the deployment's tokens where the functions that face the internet read them.

Runs on a schedule and after a deployment, outside the VPC, and is the only function that reads the secret for this; so a rotated secret
is in force within minutes. Safe to run twice.
"""

from __future__ import annotations

import json
from typing import Any

from shared import aws
from shared.model.tenant import digest
from shared.observability import get_logger
from shared.settings import TableSettings
from shared.store.table import Table
from shared.store.tokens import TokenDigests, TokenStore


class DeploymentTokensSettings(TableSettings):
    """What this function reads from the environment."""

    secret_id: str


class PublicKeyIsAdminToken(Exception):
    """PUBLIC_KEY equals ADMIN_TOKEN: a browser would hold the administrator's token. Refused (contract G6)."""


settings = DeploymentTokensSettings()
logger = get_logger()
store = TokenStore(Table(aws.dynamodb(), settings.table_name))
secrets = aws.secretsmanager()


def handler(event: dict[str, Any], context: object) -> dict[str, bool]:
    """Read the secret, write the digests."""
    del event, context
    tokens = json.loads(secrets.get_secret_value(SecretId=settings.secret_id)["SecretString"])
    digests = digests_of(tokens)
    if digests.public is None:
        logger.warning("public key is not set, the admin token serves instead; set one soon")
    store.put(digests)
    return {"ok": True}


def digests_of(tokens: dict[str, str]) -> TokenDigests:
    """Return the digests of a deployment's tokens; raises PublicKeyIsAdminToken. An empty token is none."""
    admin, public, wa_web = (tokens.get(name) or None for name in ("ADMIN_TOKEN", "PUBLIC_KEY", "WA_WEB_TOKEN"))
    if public is not None and public == admin:
        raise PublicKeyIsAdminToken
    return TokenDigests(admin=admin and digest(admin), public=public and digest(public), wa_web=wa_web and digest(wa_web))
