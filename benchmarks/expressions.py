"""DynamoDB's expressions over items in its typed JSON, as far as our stores write them; what is not known here is refused.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html

Each expression is parsed once, into functions of (item, values, names).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

Typed = dict[str, Any]
Item = dict[str, Typed]
Given = tuple[Item, Mapping[str, Typed], Mapping[str, str]]
Operand = Callable[[Given], Typed | None]
Condition = Callable[[Given], bool]
Change = Callable[[Given, Item], None]

_WORD = re.compile(r"<>|<=|>=|[(),=<>+-]|[#:]?[\w.]+")
_ORDER: dict[str, Callable[[Any, Any], bool]] = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_SETS = ("SS", "NS", "BS")


class NotUnderstood(Exception):
    """An expression uses something that is not known here."""


def holds(expression: str | None, item: Item, values: Mapping[str, Typed], names: Mapping[str, str]) -> bool:
    """Tell whether a condition holds for an item; for what is not there give an empty one."""
    return expression is None or _condition(expression)((item, values, names))


def changed(expression: str, item: Item, values: Mapping[str, Typed], names: Mapping[str, str]) -> Item:
    """Return an item after an update; every right side is read from the item as it was."""
    after = dict(item)
    for change in _changes(expression):
        change((item, values, names), after)
    return after


@lru_cache(1000)
def _condition(expression: str) -> Condition:
    words = _Words(expression)
    condition = words.any_of()
    words.end()
    return condition


@lru_cache(1000)
def _changes(expression: str) -> tuple[Change, ...]:
    return tuple(_Words(expression).changes())


def _field(word: str) -> Operand:
    if word.startswith(":"):
        return lambda given: given[1][word]
    if word.startswith("#"):
        return lambda given: given[0].get(given[2][word])
    return lambda given: given[0].get(word)


def _name(word: str) -> Callable[[Given], str]:
    return lambda given: given[2][word] if word.startswith("#") else word


def _plain(value: Typed) -> Any:
    ((kind, content),) = value.items()
    return float(content) if kind == "N" and not content.lstrip("-").isdigit() else int(content) if kind == "N" else content


class _Words:
    """An expression's words, read from left to right."""

    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._words = _WORD.findall(expression)
        if "".join(self._words) != re.sub(r"\s", "", expression):
            raise NotUnderstood(expression)

    def _next(self, expected: str | None = None) -> str:
        word = self._words.pop(0) if self._words else ""
        if not word or (expected and word != expected):
            raise NotUnderstood(self._expression)
        return str(word)

    def _takes(self, *words: str) -> bool:
        if self._words and self._words[0] in words:
            self._words.pop(0)
            return True
        return False

    def end(self) -> None:
        """Refuse what is left over."""
        if self._words:
            raise NotUnderstood(self._expression)

    # conditions

    def any_of(self) -> Condition:
        """Read conditions joined by OR."""
        parts = [self._all_of()]
        while self._takes("OR"):
            parts.append(self._all_of())
        return parts[0] if len(parts) == 1 else lambda given: any(part(given) for part in parts)

    def _all_of(self) -> Condition:
        parts = [self._one()]
        while self._takes("AND"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda given: all(part(given) for part in parts)

    def _one(self) -> Condition:
        if self._takes("("):
            inner = self.any_of()
            self._next(")")
            return inner
        if self._takes("NOT"):
            negated = self._one()
            return lambda given: not negated(given)
        word = self._next()
        return self._asked(word) if self._takes("(") else self._compared(_field(word))

    def _asked(self, function: str) -> Condition:
        field = _field(self._next())
        other = _field(self._next()) if self._takes(",") else None
        self._next(")")
        match function, other:
            case "attribute_exists", None:
                return lambda given: field(given) is not None
            case "attribute_not_exists", None:
                return lambda given: field(given) is None
            case "begins_with", begin if begin is not None:
                return lambda given: str((field(given) or {}).get("S", "")).startswith(str((begin(given) or {})["S"]))
            case "contains", part if part is not None:
                return lambda given: _contains(field(given), part(given))
        raise NotUnderstood(function)

    def _compared(self, left: Operand) -> Condition:
        sign = self._next()
        if sign == "IN":
            self._next("(")
            options = [_field(self._next())]
            while self._takes(","):
                options.append(_field(self._next()))
            self._next(")")
            return lambda given: any(left(given) == option(given) for option in options)
        right = _field(self._next())
        if sign == "=":
            return lambda given: left(given) is not None and left(given) == right(given)
        if sign == "<>":
            return lambda given: left(given) != right(given)
        if sign == "BETWEEN":
            self._next("AND")
            last = _field(self._next())
            return lambda given: _ordered("<=", right(given), left(given)) and _ordered("<=", left(given), last(given))
        if sign in _ORDER:
            return lambda given: _ordered(sign, left(given), right(given))
        raise NotUnderstood(self._expression)

    # updates

    def changes(self) -> list[Change]:
        """Read an update's clauses."""
        found: list[Change] = []
        clauses = {"SET": self._set, "REMOVE": self._remove, "ADD": self._add, "DELETE": self._delete}
        while self._words:
            word = self._next()
            if word not in clauses:
                raise NotUnderstood(self._expression)
            found.append(clauses[word]())
            while self._takes(","):
                found.append(clauses[word]())
        return found

    def _set(self) -> Change:
        name = _name(self._next())
        self._next("=")
        left = self._source()
        sign = "+" if self._takes("+") else "-" if self._takes("-") else None
        right = self._source() if sign else None

        def change(given: Given, after: Item) -> None:
            value = left(given)
            if right is not None:
                other = right(given)
                assert value is not None
                assert other is not None
                value = {"N": str(_plain(value) + (_plain(other) if sign == "+" else -_plain(other)))}
            if value is None:
                raise NotUnderstood(self._expression)
            after[name(given)] = value

        return change

    def _source(self) -> Operand:
        word = self._next()
        if not self._takes("("):
            return _field(word)
        if word != "if_not_exists":
            raise NotUnderstood(word)
        field = _field(self._next())
        self._next(",")
        fallback = _field(self._next())
        self._next(")")
        return lambda given: found if (found := field(given)) is not None else fallback(given)

    def _remove(self) -> Change:
        name = _name(self._next())

        def change(given: Given, after: Item) -> None:
            after.pop(name(given), None)

        return change

    def _add(self) -> Change:
        name, source = _name(self._next()), _field(self._next())

        def change(given: Given, after: Item) -> None:
            value, before = source(given), given[0].get(name(given))
            assert value is not None
            ((kind, content),) = value.items()
            if kind == "N":
                after[name(given)] = {"N": str(_plain(value) + (_plain(before) if before else 0))}
            elif kind in _SETS:
                after[name(given)] = {kind: sorted({*content, *(before or {}).get(kind, ())})}
            else:
                raise NotUnderstood(self._expression)

        return change

    def _delete(self) -> Change:
        name, source = _name(self._next()), _field(self._next())

        def change(given: Given, after: Item) -> None:
            ((kind, content),) = (source(given) or {}).items()
            left = sorted(set((given[0].get(name(given)) or {}).get(kind, ())) - set(content))
            after.pop(name(given), None)
            if left:
                after[name(given)] = {kind: left}

        return change


def _ordered(sign: str, left: Typed | None, right: Typed | None) -> bool:
    if left is None or right is None or left.keys() != right.keys():
        return False
    return _ORDER[sign](_plain(left), _plain(right))


def _contains(whole: Typed | None, part: Typed | None) -> bool:
    if not whole or not part:
        return False
    ((_, content),), ((_, wanted),) = whole.items(), part.items()
    return wanted in content
