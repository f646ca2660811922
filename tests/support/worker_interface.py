"""A worker with its private interface, as functions reach it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from pydantic import SecretStr

from listener.core.api import Api, server
from listener.core.channel import ChannelDriver
from listener.core.runtime.certificate import Certificate, new_certificate
from shared.clock import SystemClock
from tests.support.listener_harness import ListenerHarness, WorkerHarness, until


@asynccontextmanager
async def interface(
    harness: ListenerHarness, announced: Certificate | None = None, drivers: Sequence[ChannelDriver] | None = None
) -> AsyncIterator[tuple[WorkerHarness, Certificate]]:
    """Give a running worker with its interface, its row saying where, and the certificate to expect there.

    The port is taken before it is announced: one that was only free a moment ago may be somebody else's by the time the server wants it.
    """
    certificate, listening = new_certificate(SystemClock().now()), socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    worker = harness.worker(address=f"127.0.0.1:{port}", certificate=(announced or certificate).pem, drivers=drivers)
    with listening:
        async with worker.running():
            api = Api(lambda: worker.ownership, lambda: worker.lease.started, SecretStr("k"), harness.log.logger)
            http = server(api.app(), "127.0.0.1", port, certificate.context)
            serving = asyncio.create_task(http.serve([listening]))
            await until(lambda: http.started)
            try:
                yield worker, certificate
            finally:
                http.should_exit = True
                await serving
