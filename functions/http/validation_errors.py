"""What is wrong with a request's fields, in words, from what pydantic says of them. Pure; nothing of what was sent is in it.

A field is named by its plain path, `body.peer` or `query.limit`: pydantic's own names the branches of a union too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_WORDS = {
    "missing": "This field is required.",
    "extra_forbidden": "There is no such field.",
    "model_attributes_type": "This should be a JSON object.",
    "model_type": "This should be a JSON object.",
    "dict_type": "This should be a JSON object.",
    "list_type": "This should be a JSON array.",
    "set_type": "This should be a JSON array.",
    "frozen_set_type": "This should be a JSON array.",
    "string_type": "This should be a string.",
    "string_unicode": "This holds half of a surrogate pair, which is no text.",
    "int_type": "This should be a whole number.",
    "int_parsing": "This should be a whole number.",
    "int_from_float": "This should be a whole number.",
    "bool_type": "This should be true or false.",
    "enum": "This should be one of {expected}.",
    "literal_error": "This should be one of {expected}.",
    "string_too_short": "This should have at least {min_length} character(s).",
    "string_too_long": "This should have at most {max_length} characters.",
    "too_short": "This should have at least {min_length} item(s).",
    "too_long": "This should have at most {max_length} items.",
    "greater_than_equal": "This should be at least {ge}.",
    "less_than_equal": "This should be at most {le}.",
    "less_than": "This should be less than {lt}.",
    "value_error": "{error}",
    "datetime_from_date_parsing": "This should be a time in ISO 8601, like 2026-03-01T00:00:00Z.",
    "datetime_parsing": "This should be a time in ISO 8601, like 2026-03-01T00:00:00Z.",
    "datetime_type": "This should be a time in ISO 8601, like 2026-03-01T00:00:00Z.",
    "string_pattern_mismatch": "This should match {pattern}.",
}
NO_BODY = "The body is missing: send JSON, with `Content-Type: application/json`."
Problem = dict[str, str]


def field_problems(errors: Iterable[Mapping[str, Any]], body: Any) -> list[Problem]:
    """Return each field's problem, the first one's first; of a union, that of the branch whose type it is."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for error in errors:
        found.setdefault(plain_path(error["loc"], body, missing=error["type"] in ("missing", "extra_forbidden")), []).append(error)
    return [{"field": field, "problem": _problem(field, theirs)} for field, theirs in found.items()]


def in_words(problems: Sequence[Problem]) -> str:
    """Return a sentence that tells the first problem, and that there are more."""
    first, more = problems[0], len(problems) - 1
    return f"{first['field']}: {first['problem']}" + (f" ({more} more: see `fields`.)" if more else "")


def plain_path(location: Sequence[str | int], body: Any, *, missing: bool = False) -> str:
    """Return where in a request an error is: what of its location can be found there, and what is missing there."""
    if location[0] != "body":
        return ".".join(map(str, location[:2]))
    path, at = ["body"], body
    for number, step in enumerate(location[1:], 1):
        if (isinstance(at, Mapping) and step in at) or (isinstance(at, list) and isinstance(step, int) and step < len(at)):
            at = at[step]  # type: ignore[index]  # a mapping's key or a list's index
        elif not (missing and number == len(location) - 1):
            continue
        path.append(str(step))
    return ".".join(path)


def _problem(field: str, errors: Sequence[Mapping[str, Any]]) -> str:
    if field == "body" and errors[0]["type"] == "missing":
        return NO_BODY
    of_its_type = [error for error in errors if not error["type"].endswith("_type")]
    return " Or: ".join(dict.fromkeys(_worded(error) for error in of_its_type or errors))


def _worded(error: Mapping[str, Any]) -> str:
    words = _WORDS.get(error["type"])
    return words.format(**error.get("ctx", {})) if words else f"{error['msg']}."
