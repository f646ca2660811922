"""Key conditions of queries, and projections.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.KeyConditionExpressions.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from testing.fake_aws.expressions.words import Item, Operand, Scope, Typed, Words, name
from testing.fake_aws.service import NotSupported

Within = Callable[[str], bool]
Range = Callable[[Scope], tuple[str, Within]]


@dataclass(frozen=True)
class KeyQuery:
    """A partition, by its key's name and value, and sort keys from `first` on for as long as they are `within`."""

    partition_key: str
    partition: str
    sort_key: str | None
    first: str
    within: Within


def key_query(expression: str, values: Mapping[str, Typed], names: Mapping[str, str]) -> KeyQuery:
    """Return what a key condition asks for; the partition key has to be its first part, as in our stores."""
    partition_key, partition, sort_key, sort_range = _parsed(expression)
    scope: Scope = ({}, values, names)
    first, within = sort_range(scope)
    return KeyQuery(partition_key(names), _text(partition, scope), sort_key(names) if sort_key else None, first, within)


def projected(expression: str, item: Item, names: Mapping[str, str]) -> Item:
    """Return the attributes of an item that a projection names."""
    return {field: item[field] for field in (part(names) for part in _projection(expression)) if field in item}


@lru_cache(1000)
def _projection(expression: str) -> tuple[Callable[[Mapping[str, str]], str], ...]:
    words = Words(expression)
    found = [name(words.next())]
    while words.takes(","):
        found.append(name(words.next()))
    words.end()
    return tuple(found)


@lru_cache(1000)
def _parsed(expression: str) -> tuple[Callable[[Mapping[str, str]], str], Operand, Callable[[Mapping[str, str]], str] | None, Range]:
    words = Words(expression)
    partition_key = name(words.next())
    words.next("=")
    partition = words.operand()
    if not words:
        return partition_key, partition, None, lambda _: ("", lambda _: True)
    words.next("AND")
    sort_key, sort_range = _prefix(words) if words.takes("begins_with") else _comparison(words)
    words.end()
    return partition_key, partition, sort_key, sort_range


def _prefix(words: Words) -> tuple[Callable[[Mapping[str, str]], str], Range]:
    words.next("(")
    sort_key = name(words.next())
    words.next(",")
    prefix = words.operand()
    words.next(")")

    def sort_range(scope: Scope) -> tuple[str, Within]:
        begin = _text(prefix, scope)
        return begin, lambda key: key.startswith(begin)

    return sort_key, sort_range


def _comparison(words: Words) -> tuple[Callable[[Mapping[str, str]], str], Range]:
    sort_key, sign, bound = name(words.next()), words.next(), words.operand()
    last = words.operand() if sign == "BETWEEN" and words.next("AND") else bound

    def sort_range(scope: Scope) -> tuple[str, Within]:
        value, end = _text(bound, scope), _text(last, scope)
        match sign:
            case "=" | "BETWEEN":
                return value, lambda key: key <= end
            case "<":
                return "", lambda key: key < value
            case "<=":
                return "", lambda key: key <= value
            case ">":
                return value + "\0", lambda _: True  # the first text behind it
            case ">=":
                return value, lambda _: True
            case _:
                raise NotSupported(words.expression)

    return sort_key, sort_range


def _text(operand: Operand, scope: Scope) -> str:
    value = operand(scope)
    if value is None or value.keys() != {"S"}:
        raise NotSupported(f"a key that is no text: {value}")
    return str(value["S"])
