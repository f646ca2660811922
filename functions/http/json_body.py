"""What a body has to be: JSON in UTF-8, said to be that. Pure.

A byte order mark is passed over, and of a field given twice the last counts (https://www.rfc-editor.org/rfc/rfc8259 allows both).
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
    """Return what is wrong with a body, or None where it is what a route takes."""
    try:
        _check_headers(headers)
        parse(body)
    except AvioError as error:
        return error
    return None


def parse(body: bytes) -> Any:
    """Return what a body says; raises `invalid_request` where it is not JSON, names what JSON has no form for, or has no end of levels."""
    try:
        payload = json.loads(body.decode("utf-8-sig"), parse_constant=_no_number, parse_float=_finite)
    except UnicodeDecodeError as error:
        raise _refused("JSON is sent in UTF-8, and these bytes are not.") from error
    except json.JSONDecodeError as error:
        raise _refused(f"This is not JSON: {error.msg} (line {error.lineno}, column {error.colno}).") from error
    except RecursionError as error:
        raise _refused(_TOO_DEEP) from error
    except ValueError as error:
        raise _refused("A number has more digits than we read.") from error
    if _deeper_than(MAX_DEPTH, payload):
        raise _refused(_TOO_DEEP)
    return payload


_TOO_DEEP = f"This is nested deeper than {MAX_DEPTH} levels."


def _check_headers(headers: Mapping[str, str]) -> None:
    media_type, _, parameters = headers.get("content-type", "").partition(";")
    if not media_type.strip():
        raise AvioError(Code.UNSUPPORTED_MEDIA_TYPE, f"The body does not say what it is. {_SEND}")
    if not _JSON.fullmatch(media_type.strip().lower()):
        raise AvioError(Code.UNSUPPORTED_MEDIA_TYPE, f"The body says that it is something other than JSON. {_SEND}")
    charset = re.search(r"charset\s*=\s*\"?([^\s\";]+)", parameters, re.IGNORECASE)
    if charset and charset[1].lower() not in {"utf-8", "utf8", "us-ascii"}:
        raise AvioError(Code.UNSUPPORTED_MEDIA_TYPE, f"The body says that it is in another character set. {_SEND}")
    if headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise AvioError(Code.UNSUPPORTED_MEDIA_TYPE, f"The body is compressed; send it as it is. {_SEND}")


def _deeper_than(depth: int, payload: Any) -> bool:
    level = [payload]
    for _ in range(depth + 1):
        level = [inner for one in level if isinstance(one, dict | list) for inner in (one.values() if isinstance(one, dict) else one)]
    return bool(level)


def _no_number(constant: str) -> NoReturn:
    raise _refused(f"This is not JSON: it has no {constant}.")


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise _refused("A number is larger than we read.")
    return value


def _refused(problem: str) -> AvioError:
    return AvioError(Code.INVALID_REQUEST, fields=[{"field": "body", "problem": problem}])
