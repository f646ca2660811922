"""One request and its answer in HTTP/1.1, with a parser of its own: no data of an answer can reach the next one through the parser.

A connection is used again only after an answer whose end is beyond doubt: its size is given once, nothing follows it, there were no interim
answers, and no body if the status allows none. RFC 9112, 6.3 and 9.3.
"""

from __future__ import annotations

import h11

from functions.callback_delivery.connection import ConnectionBroken, EndpointConnection

HEAD_BYTES = 100 << 10
_BODILESS = {204, 205, 304}


class Exchange:
    """One request and its answer on a connection."""

    def __init__(self, connection: EndpointConnection) -> None:
        self._connection = connection
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_BYTES)
        self._interim = False
        self._head: h11.Response | None = None

    async def send(self, request: h11.Request, body: bytes) -> h11.Response:
        """Send a request; return the head of its answer. Raises ConnectionBroken, or h11.RemoteProtocolError if it is not HTTP."""
        parts = [self._http.send(part) for part in (request, h11.Data(data=body), h11.EndOfMessage())]
        self._connection.write(b"".join(part for part in parts if part))
        while True:
            match await self._event():
                case h11.InformationalResponse():
                    self._interim = True
                case h11.Response() as head if head.http_version.startswith(b"1."):
                    self._head = head
                    return head
                case h11.Response():
                    raise h11.RemoteProtocolError("another version")
                case _:
                    raise ConnectionBroken

    async def piece(self) -> bytes | None:
        """Return more of the answer's body, None at its end; raises like `send`."""
        event = await self._event()
        return bytes(event.data) if isinstance(event, h11.Data) else None

    @property
    def over(self) -> bool:
        """Whether the answer has ended beyond doubt, and its connection may be used again."""
        if self._head is None or self._interim or self._head.http_version != b"1.1" or not _sized_once(self._head):
            return False
        at_end = self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
        return at_end and self._http.trailing_data == (b"", False)

    async def _event(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            data = await self._connection.read()
            if not data and self._http.their_state is h11.SEND_RESPONSE:
                raise ConnectionBroken
            self._http.receive_data(data)
        return event


def _sized_once(head: h11.Response) -> bool:
    """Tell whether an answer states the length of its body exactly once."""
    sizes = [(name, value) for name, value in head.headers if name in (b"content-length", b"transfer-encoding")]
    if head.status_code in _BODILESS:
        return sizes in ([], [(b"content-length", b"0")])
    return len(sizes) == 1
