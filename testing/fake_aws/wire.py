"""AWS's JSON protocols: requests and answers as they travel, with binary values in base64.

https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html
"""

from __future__ import annotations

import base64
import json
from typing import Any


def decoded(body: bytes) -> Any:
    """Return a request in the form of boto3."""
    return _with_binary.decode(body.decode()) if b'"B"' in body or b'"CiphertextBlob"' in body else json.loads(body)


def encoded(answer: dict[str, Any]) -> bytes:
    """Return an answer's body."""
    return _encoder.encode(answer).encode()


def _binary(part: dict[str, Any]) -> dict[str, Any]:
    name = "B" if len(part) == 1 else "CiphertextBlob"
    if isinstance(content := part.get(name), str):
        part[name] = base64.b64decode(content)
    return part


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


_with_binary = json.JSONDecoder(object_hook=_binary)
_encoder = json.JSONEncoder(default=_text)
