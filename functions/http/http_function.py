"""The composition that all HTTP functions share: from settings, routers and what the routes depend on to a Lambda handler."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from fastapi import APIRouter, FastAPI
from mangum import Mangum

from functions.http.act_service import ActService
from functions.http.app import create_app
from functions.http.authenticator import Authenticator
from functions.http.body_reader import MAX_BODY_BYTES
from functions.http.callers import CALLER_KINDS, CredentialSources
from functions.http.dependencies import Dependencies
from functions.http.deployment_tokens import DeploymentTokens
from functions.http.key_use import KeyUse
from functions.http.pipeline import Pipeline
from shared import aws
from shared.clock import SystemClock
from shared.observability import get_logger
from shared.settings import HttpSettings
from shared.store.table import Table
from shared.store.tenants import TenantStore
from shared.store.tokens import TokenStore


class HttpFunction:
    """What every HTTP function has. A function makes its own services from these parts, then its handler."""

    def __init__(self, settings: HttpSettings) -> None:
        self._origins = settings.origins
        self.clock = SystemClock()
        self.logger = get_logger()
        self.dynamodb = aws.dynamodb()
        self.table = Table(self.dynamodb, settings.table_name)
        self.tenants = TenantStore(self.table)
        self.tokens = DeploymentTokens(TokenStore(self.table), self.clock)

    def handler(self, routers: Sequence[APIRouter], *dependencies: object, max_body_bytes: int = MAX_BODY_BYTES) -> Mangum:
        """Return the Lambda handler that serves these routers; `dependencies` are one object of each type that they ask for."""
        key_use = KeyUse(self.tenants, self.clock)
        sources = CredentialSources(self.tokens, self.tenants, self.clock, key_use)
        pipeline = Pipeline(Authenticator(CALLER_KINDS, sources), ActService(self.table, self.clock))
        app = create_app(
            routers,
            pipeline=pipeline,
            dependencies=Dependencies(*dependencies),
            origins=self._origins,
            logger=self.logger,
            max_body_bytes=max_body_bytes,
        )
        return lambda_handler(app)


def lambda_handler(app: FastAPI) -> Mangum:
    """Return an app as Lambda calls it.

    Mangum asks for the thread's event loop and has asyncio make one where there is none, which warns from Python 3.12 on and is an error
    in 3.14. So there is one.
    """
    asyncio.set_event_loop(asyncio.new_event_loop())
    return Mangum(app, lifespan="off")
