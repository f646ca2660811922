"""What the front answers by itself, in the API's one error body, under an id of its own.

a request that is no HTTP                  400 malformed       `Protocol`
an address or method that no page has      404, 405            `http_exception`
the API cannot be reached                  503 unavailable
the API took a request and said nothing    503 unavailable, or 504 outcome_unknown where the request may have done something
the gateway spoke in the API's place       by its status       `translated`
"""

from __future__ import annotations

import uuid

import h11
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from uvicorn.protocols.http.h11_impl import H11Protocol

from functions.http.errors import response
from shared.errors import AvioError, Code

RETRY_AFTER_S = 5
_OF_STATUS = {404: Code.NOT_FOUND, 405: Code.METHOD_NOT_ALLOWED, 413: Code.REQUEST_TOO_LARGE}
_REPEATABLE = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "PATCH", "DELETE"}


def refused(error: AvioError) -> Response:
    """Return the answer for an error of the front's own."""
    request_id = str(uuid.uuid4())
    answer = response(error, request_id)
    answer.headers["X-Request-Id"] = request_id
    return answer


def unreachable(what: str) -> Response:
    """Return the answer where nothing of a request has left this process."""
    return refused(AvioError(Code.UNAVAILABLE, f"{what} Nothing was done; try again shortly.", retry_after_s=RETRY_AFTER_S))


def unanswered(method: str) -> Response:
    """Return the answer where the API took a request and did not answer it, or its gateway spoke in its place.

    A POST may have done its work: who is told "unavailable" does it a second time.
    """
    if method in _REPEATABLE:
        return refused(AvioError(Code.UNAVAILABLE, "The API did not answer. Try again shortly.", retry_after_s=RETRY_AFTER_S))
    return refused(
        AvioError(Code.OUTCOME_UNKNOWN, "The API did not answer: this may or may not have been done. Look before you repeat it.")
    )


def translated(method: str, status: int) -> Response:
    """Return the answer for an error that is not the API's own: the gateway has other bodies."""
    code = _OF_STATUS.get(status)
    return unanswered(method) if code is None else refused(AvioError(code))


async def http_exception(_: Request, error: Exception) -> Response:
    """Answer what a page's routes refuse."""
    assert isinstance(error, HTTPException)
    answer = refused(AvioError(_OF_STATUS.get(error.status_code, Code.INVALID_REQUEST)))
    answer.headers.update(error.headers or {})
    return answer


async def fault(_: Request, __: Exception) -> Response:
    """Answer a fault of the front itself."""
    return refused(AvioError(Code.INTERNAL_ERROR))


class OneErrorBodyProtocol(H11Protocol):
    """uvicorn's protocol, which answers what is no HTTP with the one body too."""

    def send_400_response(self, msg: str) -> None:
        """Answer, and close the connection: nothing that follows can be told apart."""
        answer = refused(AvioError(Code.MALFORMED, f"This is not a request that HTTP allows: {msg}"))
        headers = [*answer.raw_headers, (b"connection", b"close")]
        events = (
            h11.Response(status_code=answer.status_code, headers=headers, reason=b"Bad Request"),
            h11.Data(data=bytes(answer.body)),
            h11.EndOfMessage(),
        )
        for event in events:
            self.transport.write(self.conn.send(event))
        self.transport.close()
