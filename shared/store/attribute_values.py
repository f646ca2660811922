"""Values as DynamoDB's requests carry them: text S, numbers N, bytes B, truth BOOL, nothing NULL, lists L, maps M, sets SS, NS and BS.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html. boto3 has the same (`boto3.dynamodb.types`), but
importing boto3 takes a tenth of a function's cold start, and nothing else of it is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def to_wire(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item (or its values) in DynamoDB's typed JSON, without None and empty sets, which are not stored."""
    return {name: _typed(value) for name, value in values.items() if value is not None and value != frozenset()}


def from_wire(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item from DynamoDB's typed JSON: whole numbers as int, others as float, sets as frozensets."""
    return {name: _plain(value) for name, value in item.items()}


def _typed(value: Any) -> dict[str, Any]:
    """Raises TypeError for what DynamoDB does not store; so does a float, which may not come back as it was."""
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": str(value)}
        case int():
            return {"N": str(int(value))}
        case bytes() | bytearray():
            return {"B": bytes(value)}
        case Mapping():
            return {"M": {name: _typed(inner) for name, inner in value.items()}}
        case list() | tuple():
            return {"L": [_typed(inner) for inner in value]}
        case set() | frozenset():
            return _typed_set(value)
        case _:
            raise TypeError(f"DynamoDB does not store a {type(value).__name__}")


def _typed_set(values: set[Any] | frozenset[Any]) -> dict[str, Any]:
    """A set has one type of members, and at least one member."""
    typed = [_typed(value) for value in values]
    kinds = {kind for one in typed for kind in one}
    if len(kinds) != 1 or not kinds <= {"S", "N", "B"}:
        raise TypeError("a set in DynamoDB has texts, numbers or bytes, and at least one of them")
    (kind,) = kinds
    return {f"{kind}S": [one[kind] for one in typed]}


def _plain(value: Mapping[str, Any]) -> Any:
    ((kind, inner),) = value.items()
    match kind:
        case "S" | "B" | "BOOL":
            return inner
        case "N":
            return _number(inner)
        case "NULL":
            return None
        case "M":
            return {name: _plain(member) for name, member in inner.items()}
        case "L":
            return [_plain(member) for member in inner]
        case "SS" | "BS":
            return frozenset(inner)
        case "NS":
            return frozenset(map(_number, inner))
        case _:
            raise TypeError(f"unknown type {kind} of DynamoDB")


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        number = float(text)
        return int(number) if number.is_integer() else number
