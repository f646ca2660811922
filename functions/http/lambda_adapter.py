"""From Lambda's events to an ASGI app and back."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI
from mangum import Mangum


def lambda_handler(app: FastAPI) -> Mangum:
    """Return an app as Lambda calls it.

    Mangum asks for the thread's event loop and has asyncio make one where there is none, which warns from Python 3.12 on and is an error
    in 3.14. So there is one.
    """
    asyncio.set_event_loop(asyncio.new_event_loop())
    return Mangum(app, lifespan="off")
