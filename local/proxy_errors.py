"""The errors that the front answers by itself, in the API's error body, with a request id of its own.

not HTTP                                   400 malformed       `OneErrorBodyProtocol`
no page has the address or method          404, 405            `http_exception`
the API cannot be reached                  503 unavailable
the API did not answer a request           503 unavailable, or 504 outcome_unknown if the request may have done something
the gateway answered in the API's place    by its status       `translated`
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
    """Return the answer for an error of the front."""
    request_id = str(uuid.uuid4())
    answer = response(error, request_id)
    answer.headers["X-Request-Id"] = request_id
    return answer


def unreachable(what: str) -> Response:
    """Return the answer for a request that was not sent to the API."""
    return refused(AvioError(Code.UNAVAILABLE, f"{what} Nothing was done; try again shortly.", retry_after_s=RETRY_AFTER_S))


def unanswered(method: str) -> Response:
    """Return the answer for a request that the API took but did not answer, or that its gateway answered.

    A POST may have done its work, so it is not `unavailable`: callers would repeat it.
    """
    if method in _REPEATABLE:
        return refused(AvioError(Code.UNAVAILABLE, "The API did not answer. Try again shortly.", retry_after_s=RETRY_AFTER_S))
    return refused(
        AvioError(Code.OUTCOME_UNKNOWN, "The API did not answer: this may or may not have been done. Look before you repeat it.")
    )


def translated(method: str, status: int) -> Response:
    """Return the answer for an error of the gateway, whose error bodies differ from the API's."""
    code = _OF_STATUS.get(status)
    return unanswered(method) if code is None else refused(AvioError(code))


async def http_exception(_: Request, error: Exception) -> Response:
    """Answer a request that a page's routes refuse."""
    assert isinstance(error, HTTPException)
    answer = refused(AvioError(_OF_STATUS.get(error.status_code, Code.INVALID_REQUEST)))
    answer.headers.update(error.headers or {})
    return answer


async def fault(_: Request, __: Exception) -> Response:
    """Answer after an exception in the front."""
    return refused(AvioError(Code.INTERNAL_ERROR))


class OneErrorBodyProtocol(H11Protocol):
    """uvicorn's HTTP protocol, with the API's error body for input that is not HTTP."""

    def send_400_response(self, msg: str) -> None:
        """Answer, and close the connection, because the bytes that follow cannot be parsed."""
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
