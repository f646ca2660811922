"""A browser's preflight, past the emulator's API Gateway.

On AWS an HTTP API without a CORS configuration hands OPTIONS to the function like any other method. The emulator answers it by
itself, always with 403, so here the function is invoked directly, with the event that API Gateway would have made of the request.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from starlette.requests import Request
from starlette.responses import Response

from local import proxy_errors
from local.emulator import Emulator
from local.reverse_proxy import Preflight


def by_function(emulator: Emulator, function: str) -> Preflight:
    """Answer preflights by invoking `function`; which of the HTTP functions does not matter, all answer them alike."""
    client = emulator.client("lambda")

    def invoke(event: dict[str, Any]) -> dict[str, Any]:
        answer = client.invoke(FunctionName=function, Payload=json.dumps(event))
        payload: dict[str, Any] = json.load(answer["Payload"])
        return payload

    async def answer(request: Request) -> Response:
        try:
            result = await asyncio.to_thread(invoke, event_of(request))
        except (BotoCoreError, ClientError):
            return proxy_errors.unanswered(request.method)
        if "statusCode" not in result:  # the function ended before it could answer
            return proxy_errors.unanswered(request.method)
        return Response(result.get("body", ""), result["statusCode"], result.get("headers"))

    return answer


def event_of(request: Request) -> dict[str, Any]:
    """The event of a request without a body: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html"""
    path, query = request.url.path, request.url.query
    http = {"method": request.method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": ""}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": dict(request.headers),
        "requestContext": {"http": http, "requestId": "preflight", "routeKey": "$default", "stage": "$default"},
        "isBase64Encoded": False,
    }
