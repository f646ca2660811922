"""Parses request bodies: JSON in UTF-8, with the headers that say so. Pure.

A byte order mark is ignored, and of a field given twice the last value counts (https://www.rfc-editor.org/rfc/rfc8259 allows both).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from shared.errors import AvioError, Code

MAX_DEPTH = 64
_SEND = "Send JSON in UTF-8, with `Content-Type: application/json`."
_JSON = re.compile(r"application/(?:[a-z0-9!#$&^_.+-]+\+)?json")


def fault_of(headers: Mapping[str, str], body: bytes) -> AvioError | None:
    """Return the error to answer a body with; None if it is JSON in UTF-8 and says so."""
    try:
        _check_headers(headers)
        parse(body)
    except AvioError as error:
        return error
    return None


def parse(body: bytes) -> Any:
    """Return a body's value; raises `invalid_request` for what is not JSON, for NaN and infinity, and for more than MAX_DEPTH levels."""
    try:
        payload = json.loads(body.decode("utf-8-sig"), parse_constant=_refuse_constant, parse_float=_finite)
    except UnicodeDecodeError as error:
        raise _refused("The body is not in UTF-8. Send JSON in UTF-8.") from error
    except json.JSONDecodeError as error:
        raise _refused(f"This is not JSON: {error.msg} (line {error.lineno}, column {error.colno}).") from error
    except RecursionError as error:
        raise _refused(_TOO_DEEP) from error
    except ValueError as error:
        raise _refused("A number has too many digits.") from error
    if _deeper_than(MAX_DEPTH, payload):
        raise _refused(_TOO_DEEP)
    return payload


_TOO_DEEP = f"This is nested deeper than {MAX_DEPTH} levels."


def _check_headers(headers: Mapping[str, str]) -> None:
    media_type, _, parameters = headers.get("content-type", "").partition(";")
    if not media_type.strip():
        raise AvioError(Code.UNSUPPORTED_MEDIA_TYPE, f"The Content-Type is missing. {_SEND}")
    if not _JSON.fullmatch(media_type.strip().lower()):
        raise AvioError(Code.UNSUPPORTED_MEDIA_TYPE, f"The Content-Type is not JSON. {_SEND}")
    charset = re.search(r"charset\s*=\s*\"?([^\s\";]+)", parameters, re.IGNORECASE)
    if charset and charset[1].lower() not in {"utf-8", "utf8", "us-ascii"}:
        raise AvioError(Code.UNSUPPORTED_MEDIA_TYPE, f"The Content-Type names another character set. {_SEND}")
    if headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise AvioError(Code.UNSUPPORTED_MEDIA_TYPE, f"The body is compressed. Send it without Content-Encoding. {_SEND}")


def _deeper_than(depth: int, payload: Any) -> bool:
    level = [payload]
    for _ in range(depth + 1):
        level = [child for node in level if isinstance(node, dict | list) for child in (node.values() if isinstance(node, dict) else node)]
    return bool(level)


def _refuse_constant(constant: str) -> NoReturn:
    raise _refused(f"This is not JSON: it has no {constant}.")


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise _refused("A number is too large.")
    return value


def _refused(problem: str) -> AvioError:
    return AvioError(Code.INVALID_REQUEST, fields=[{"field": "body", "problem": problem}])
