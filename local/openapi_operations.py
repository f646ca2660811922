"""Completes each operation of the OpenAPI document with what its route does not declare. Pure; each function changes its argument."""

from __future__ import annotations

import json
import re
from typing import Any

from functions.http.callers import CALLER_KINDS
from functions.http.openapi_responses import RATE_HEADERS, REQUEST_ID, errors
from local.openapi_examples import EXAMPLES
from shared.errors import Code

Operation = dict[str, Any]
_REFERENCE = re.compile(r'"#/components/schemas/([^"]+)"')
KINDS = {scheme.scheme_name: kind for kind in CALLER_KINDS for scheme in kind.schemes}
"""Which kind of caller each of the document's security schemes is."""


def finish(method: str, path: str, operation: Operation) -> None:
    """Add to an operation the errors that all such operations have, its callers, and its parameters' and answers' forms."""
    _common_errors(method, path, operation)
    _callers(operation)
    if any("RateLimit" in answer.get("headers", {}) for answer in operation["responses"].values()):
        for answer in operation["responses"].values():
            answer["headers"] = {**answer.get("headers", {}), **RATE_HEADERS}
    for parameter in operation.get("parameters", []):
        _plain(parameter["schema"])
        if parameter["name"] == "tenant":
            parameter["required"] = True  # in a query it is checked after the caller
            parameter["schema"].pop("default", None)
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            answer["headers"] = {**REQUEST_ID, **answer.get("headers", {})}
            example = EXAMPLES.get(operation["operationId"])
            if example is not None and status == min(operation["responses"]):
                answer["content"]["application/json"]["example"] = example


def named_in(schema: Any, schemas: dict[str, Any]) -> set[str]:
    """Return the names of the schemas that a schema refers to, and of those that they refer to."""
    names = set(_REFERENCE.findall(json.dumps(schema)))
    return names.union(*(named_in(schemas[name], schemas) for name in names))


def optional(schema: dict[str, Any]) -> None:
    """Leave the defaults of a request's fields out of its schema: generators of code take a field with one for a required field."""
    for whole in (schema, *schema.get("anyOf", [])):
        for one in whole.get("properties", {}).values():
            one.pop("default", None)


def always(schema: dict[str, Any]) -> None:
    """Say of an answer that its fields are always there, null where there is nothing to say: each is its whole model, written out."""
    schema["required"] = list(schema["properties"])
    for one in schema["properties"].values():
        one.pop("default", None)


def _common_errors(method: str, path: str, operation: Operation) -> None:
    codes = [Code(name) for answer in operation["responses"].values() for name in _examples(answer)]
    if "requestBody" in operation:
        codes += [Code.REQUEST_TOO_LARGE, Code.UNSUPPORTED_MEDIA_TYPE]
    codes.append(Code.METHOD_NOT_ALLOWED)
    if "{" in path:
        codes.append(Code.NOT_FOUND)  # what cannot stand in an address names no route at all
    if not path.startswith("/dev/"):
        codes.append(Code.NOT_SUPPORTED)
    if method == "post" and "{tenant}" in path:
        codes.append(Code.OUTCOME_UNKNOWN)
    described = {str(status): answer for status, answer in errors(*codes).items()}
    operation["responses"] = dict(sorted({**operation["responses"], **described}.items()))


def _examples(answer: dict[str, Any]) -> list[str]:
    content = answer.get("content", {}).get("application/json", {})
    return list(content["examples"]) if "allOf" in content.get("schema", {}) else []


def _callers(operation: Operation) -> None:
    security = operation.get("security", [])
    if not security:
        return
    kinds = [KINDS[name] for one in security for name in one]
    scopes = [scope for one in security for name in one if KINDS[name].scoped for scope in one[name]]
    operation["security"] = [{name: scopes if KINDS[name].scoped else [] for name in one} for one in security]
    titles = dict.fromkeys(kind.title for kind in kinds if kind.scoped or not scopes)
    needs = f"needs the scope `{scopes[0]}`" if scopes else "alone"
    said = f"{' or '.join(titles)} {needs}."
    operation["description"] += f"\n\n**Callers.** {said[0].upper()}{said[1:]}"


def _plain(schema: dict[str, Any]) -> None:
    """A parameter that is left out is not `null`: there is no such thing in an address."""
    branches = [branch for branch in schema.get("anyOf", []) if branch.get("type") != "null"]
    if len(branches) == 1:
        del schema["anyOf"]
        schema.update({**branches[0], **schema})
