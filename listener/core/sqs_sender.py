"""The way into the `events` queue, on the event loop: SendMessageBatch over aiohttp, signed as botocore signs.

Every message of every account takes this way. On a thread, through the SDK's client, it took four times as much of the one interpreter
lock (docs/decisions/own-request-to-the-queue.md). There are no retries here: the ledgers' writer has its own.

AWS JSON protocol 1.0, as the SDK speaks it:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-json.html
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import aiohttp
from botocore.exceptions import BotoCoreError
from botocore.httpsession import get_cert_path
from pydantic_core import from_json, to_json

from listener.core.request_signer import RequestSigner
from listener.core.runtime.offload import Offload
from shared.model.event import Event
from shared.queues import LARGE_BYTES, QueueUnavailable, accepted, body_of, entry_of, pointer_to
from shared.store.table import StoreUnavailable

if TYPE_CHECKING:
    from botocore.credentials import Credentials, ReadOnlyCredentials
    from types_boto3_sqs import SQSClient

TIMES = aiohttp.ClientTimeout(total=8, connect=2)
"""Seconds; the SDK's client has the same time to connect."""

CONNECTIONS = 32
KEPT_OPEN_S = 50.0
"""How long an unused connection is kept; SQS closes them after about a minute."""

HEADERS = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.SendMessageBatch"}


class Queue:
    """Puts events into the FIFO queue. `keep` stores a large event where the delivery function finds it.

    Endpoint and region are those of the SDK's client, `credentials` come from its session.
    """

    def __init__(
        self,
        client: SQSClient,
        credentials: Credentials,
        url: str,
        keep: Callable[[Event], None],
        offload: Offload,
        times: aiohttp.ClientTimeout = TIMES,
    ) -> None:
        self._endpoint = client.meta.endpoint_url + "/"
        self._signer = RequestSigner(self._endpoint, "sqs", client.meta.region_name, HEADERS)
        self._credentials = credentials
        self._url = url
        self._keep = keep
        self._offload = offload
        self._times = times
        self._http: aiohttp.ClientSession | None = None

    async def send(self, events: Sequence[Event]) -> list[bool]:
        """Send up to ten events, at most one per chat; tell of each whether SQS accepted it. Raises QueueUnavailable.

        One refused entry does not stop the others, hence the limit: a second event of its chat would overtake it. A request that failed
        as a whole accepted nothing that we know of; sending again is safe, the event's id deduplicates for five minutes.
        """
        bodies = [body if len(body := body_of(event)) < LARGE_BYTES else await self._kept(event) for event in events]
        entries = [entry_of(str(number), event, body) for number, (event, body) in enumerate(zip(events, bodies, strict=True))]
        return accepted(await self._request(to_json({"QueueUrl": self._url, "Entries": entries})), len(entries))

    async def close(self) -> None:
        """Close the connections; a request under way fails."""
        if self._http:
            await self._http.close()

    async def _kept(self, event: Event) -> str:
        try:
            await self._offload(self._keep, event)
        except StoreUnavailable as error:
            raise QueueUnavailable(str(error)) from error
        return pointer_to(event.tenant_id, event.id)

    async def _request(self, body: bytes) -> Any:
        if self._http is None:
            trust = ssl.create_default_context(cafile=get_cert_path(True))  # whom the SDK trusts
            connector = aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=KEPT_OPEN_S, ssl=trust)
            self._http = aiohttp.ClientSession(connector=connector, timeout=self._times, cookie_jar=aiohttp.DummyCookieJar())
        try:
            async with self._http.post(self._endpoint, data=body, headers=self._signer.signed(body, await self._key())) as answer:
                said = from_json(await answer.read())
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise QueueUnavailable(type(error).__name__) from error
        if answer.status != 200:  # {"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": ...}
            raise QueueUnavailable(str(said.get("__type", answer.status)).rpartition("#")[2])
        return said

    async def _key(self) -> ReadOnlyCredentials:
        """Return the key to sign with; where it has to be fetched anew, that waits for the network on a thread."""
        fetch = self._credentials.get_frozen_credentials
        try:
            return await self._offload(fetch) if getattr(self._credentials, "refresh_needed", bool)() else fetch()
        except BotoCoreError as error:
            raise QueueUnavailable(type(error).__name__) from error
