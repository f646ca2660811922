"""Turns pydantic's validation errors into plain sentences by field. Pure; the sentences repeat nothing of what was sent.

A field is named by its path in the request, `body.peer` or `query.limit`. (Pydantic's own path also names the branches of unions.)
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
    "string_unicode": "This contains half of a surrogate pair, which is not valid text.",
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
    "union_tag_not_found": "This field is required.",
    "union_tag_invalid": "This should be one of {expected_tags}.",
    "string_pattern_mismatch": "This should match {pattern}.",
}
NO_BODY = "The body is missing: send JSON, with `Content-Type: application/json`."
Problem = dict[str, str]


def field_problems(errors: Iterable[Mapping[str, Any]], body: Any) -> list[Problem]:
    """Return one problem per field, in pydantic's order. For a union, only the branches of the right type are reported."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for error in errors:
        found.setdefault(plain_path(_location(error), body, missing=error["type"] in _ABSENT), []).append(error)
    return [{"field": field, "problem": _problem(field, theirs)} for field, theirs in found.items()]


_ABSENT = ("missing", "extra_forbidden", "union_tag_not_found")


def _location(error: Mapping[str, Any]) -> Sequence[str | int]:
    """Return where an error is. Pydantic names the object of a union; what is wrong is the field that tells its branches apart."""
    location: Sequence[str | int] = error["loc"]
    return (*location, error["ctx"]["discriminator"].strip("'")) if error["type"].startswith("union_tag") else location


def in_words(problems: Sequence[Problem]) -> str:
    """Return a sentence with the first problem and the number of the others."""
    first, more = problems[0], len(problems) - 1
    return f"{first['field']}: {first['problem']}" + (f" ({more} more: see `fields`.)" if more else "")


def plain_path(location: Sequence[str | int], body: Any, *, missing: bool = False) -> str:
    """Return the path of an error in the request: the steps of its location that the body has, and the last step if it is missing."""
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
