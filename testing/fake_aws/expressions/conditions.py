"""Condition expressions.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from testing.fake_aws.expressions.words import Item, Operand, Scope, Typed, Words, equal, operand, plain
from testing.fake_aws.service import NotSupported

Condition = Callable[[Scope], bool]

_ORDER: dict[str, Callable[[Any, Any], bool]] = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def holds(expression: str | None, item: Item, values: Mapping[str, Typed], names: Mapping[str, str]) -> bool:
    """Tell whether a condition holds for an item; an item that does not exist is an empty one."""
    return expression is None or _parsed(expression)((item, values, names))


@lru_cache(1000)
def _parsed(expression: str) -> Condition:
    words = Words(expression)
    condition = _disjunction(words)
    words.end()
    return condition


def _disjunction(words: Words) -> Condition:
    parts = [_conjunction(words)]
    while words.takes("OR"):
        parts.append(_conjunction(words))
    return parts[0] if len(parts) == 1 else lambda scope: any(part(scope) for part in parts)


def _conjunction(words: Words) -> Condition:
    parts = [_term(words)]
    while words.takes("AND"):
        parts.append(_term(words))
    return parts[0] if len(parts) == 1 else lambda scope: all(part(scope) for part in parts)


def _term(words: Words) -> Condition:
    if words.takes("("):
        inner = _disjunction(words)
        words.next(")")
        return inner
    if words.takes("NOT"):
        negated = _term(words)
        return lambda scope: not negated(scope)
    word = words.next()
    if word == "size" and words.takes("("):
        return _comparison(_size(words), words)
    return _function(word, words) if words.takes("(") else _comparison(operand(word), words)


def _function(function: str, words: Words) -> Condition:
    field = words.operand()
    other = words.operand() if words.takes(",") else None
    words.next(")")
    match function, other:
        case "attribute_exists", None:
            return lambda scope: field(scope) is not None
        case "attribute_not_exists", None:
            return lambda scope: field(scope) is None
        case "begins_with", beginning if beginning is not None:
            return lambda scope: str((field(scope) or {}).get("S", "")).startswith(str((beginning(scope) or {})["S"]))
        case "contains", part if part is not None:
            return lambda scope: _contains(field(scope), part(scope))
    raise NotSupported(words.expression)


def _size(words: Words) -> Operand:
    """Return the number of entries of a map."""
    field = words.operand()
    words.next(")")

    def size(scope: Scope) -> Typed | None:
        found = field(scope)
        if found is not None and "M" not in found:
            raise NotSupported(words.expression)
        return None if found is None else {"N": str(len(found["M"]))}

    return size


def _comparison(left: Operand, words: Words) -> Condition:
    sign = words.next()
    if sign == "IN":
        return _membership(left, words)
    right = words.operand()
    if sign == "=":
        return lambda scope: left(scope) is not None and equal(left(scope), right(scope))
    if sign == "<>":
        return lambda scope: not equal(left(scope), right(scope))
    if sign == "BETWEEN":
        words.next("AND")
        last = words.operand()
        return lambda scope: _ordered("<=", right(scope), left(scope)) and _ordered("<=", left(scope), last(scope))
    if sign in _ORDER:
        return lambda scope: _ordered(sign, left(scope), right(scope))
    raise NotSupported(words.expression)


def _membership(left: Operand, words: Words) -> Condition:
    words.next("(")
    options = [words.operand()]
    while words.takes(","):
        options.append(words.operand())
    words.next(")")
    return lambda scope: any(equal(left(scope), option(scope)) for option in options)


def _ordered(sign: str, left: Typed | None, right: Typed | None) -> bool:
    if left is None or right is None or left.keys() != right.keys():
        return False
    return _ORDER[sign](plain(left), plain(right))


def _contains(whole: Typed | None, part: Typed | None) -> bool:
    if not whole or not part:
        return False
    ((kind, content),) = whole.items()
    return part in content if kind == "L" else plain(part) in content
