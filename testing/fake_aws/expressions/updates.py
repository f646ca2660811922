"""Update expressions.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from testing.fake_aws.expressions.words import Item, Operand, Scope, Typed, Words, name, number, path
from testing.fake_aws.service import NotSupported, RequestRefused

Change = Callable[[Scope, Item], None]

_SETS = ("SS", "NS")


def changed(expression: str, item: Item, values: Mapping[str, Typed], names: Mapping[str, str]) -> Item:
    """Return an item after an update; every right side is read from the item before it."""
    after = dict(item)
    for change in _parsed(expression):
        change((item, values, names), after)
    return after


@lru_cache(1000)
def _parsed(expression: str) -> tuple[Change, ...]:
    words, changes = Words(expression), list[Change]()
    clauses = {"SET": _set, "REMOVE": _remove, "ADD": _add, "DELETE": _delete}
    while words:
        clause = clauses.get(words.next())
        if clause is None:
            raise NotSupported(expression)
        changes.append(clause(words))
        while words.takes(","):
            changes.append(clause(words))
    return tuple(changes)


def _set(words: Words) -> Change:
    target = path(words.next())
    words.next("=")
    left = _source(words)
    sign = 1 if words.takes("+") else -1 if words.takes("-") else 0
    right = _source(words) if sign else None

    def change(scope: Scope, after: Item) -> None:
        value = _present(left(scope))
        if right is not None:
            value = {"N": str(number(value) + sign * number(_present(right(scope))))}
        steps = target(scope[2])
        _map_at(after, steps[:-1])[steps[-1]] = value

    return change


def _map_at(after: Item, steps: tuple[str, ...]) -> Item:
    """Return the map at a path, as a copy that may be changed; raises RequestRefused where there is none."""
    inner = after
    for step in steps:
        if "M" not in inner.get(step, {}):
            raise RequestRefused("ValidationException", "the document path provided in the update expression is invalid for update")
        inner[step] = {"M": dict(inner[step]["M"])}
        inner = inner[step]["M"]
    return inner


def _source(words: Words) -> Operand:
    if not words.takes("if_not_exists"):
        return words.operand()
    words.next("(")
    field = words.operand()
    words.next(",")
    fallback = words.operand()
    words.next(")")
    return lambda scope: found if (found := field(scope)) is not None else fallback(scope)


def _present(value: Typed | None) -> Typed:
    if value is None:
        raise RequestRefused("ValidationException", "the expression refers to an attribute that does not exist in the item")
    return value


def _remove(words: Words) -> Change:
    target = path(words.next())

    def change(scope: Scope, after: Item) -> None:
        steps = target(scope[2])
        _map_at(after, steps[:-1]).pop(steps[-1], None)

    return change


def _add(words: Words) -> Change:
    target, source = name(words.next()), words.operand()

    def change(scope: Scope, after: Item) -> None:
        field = target(scope[2])
        value = _present(source(scope))
        ((kind, content),) = value.items()
        before = scope[0].get(field, {kind: "0" if kind == "N" else []})
        if before.keys() != {kind}:
            raise RequestRefused("ValidationException", "an operand in the update expression has an incorrect data type")
        if kind == "N":
            after[field] = {"N": str(number(value) + number(before))}
        elif kind in _SETS:
            after[field] = {kind: sorted({*content, *before[kind]})}
        else:
            raise NotSupported(words.expression)

    return change


def _delete(words: Words) -> Change:
    target, source = name(words.next()), words.operand()

    def change(scope: Scope, after: Item) -> None:
        field = target(scope[2])
        ((kind, content),) = _present(source(scope)).items()
        if kind not in _SETS:
            raise NotSupported(words.expression)
        left = sorted({*scope[0].get(field, {}).get(kind, ())} - {*content})
        after.pop(field, None)
        if left:
            after[field] = {kind: left}

    return change
