"""The words of DynamoDB's expressions, and what each of them stands for.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html

A parser reads an expression once and returns functions of a scope: an item, and the values and names of a request. What our stores do not
write (paths into lists, `attribute_type`) is NotSupported.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from testing.fake_aws.service import NotSupported, RequestRefused

Typed = dict[str, Any]
Item = dict[str, Typed]
Scope = tuple[Item, Mapping[str, Typed], Mapping[str, str]]
Operand = Callable[[Scope], Typed | None]

_WORD = re.compile(r"<>|<=|>=|[(),=<>+-]|[#:]?\w+(?:\.#?\w+)*")
_NAME = re.compile(r"[#:]\w+")


class Words:
    """An expression's words, read from left to right; raises NotSupported for a word that is not expected."""

    def __init__(self, expression: str) -> None:
        self.expression = expression
        self._words = _WORD.findall(expression)
        if "".join(self._words) != re.sub(r"\s", "", expression):
            raise NotSupported(expression)

    def __bool__(self) -> bool:
        return bool(self._words)

    def next(self, expected: str | None = None) -> str:
        """Read a word."""
        word = self._words.pop(0) if self._words else ""
        if not word or (expected and word != expected):
            raise NotSupported(self.expression)
        return str(word)

    def takes(self, *words: str) -> bool:
        """Read a word if it is one of these."""
        if self._words and self._words[0] in words:
            self._words.pop(0)
            return True
        return False

    def operand(self) -> Operand:
        """Read a value or an attribute."""
        return operand(self.next())

    def end(self) -> None:
        """Check that nothing is left."""
        if self._words:
            raise NotSupported(self.expression)


def operand(word: str) -> Operand:
    """Return the value or attribute that a word stands for."""
    if word.startswith(":"):
        return lambda scope: scope[1][word]
    find = path(word)
    return lambda scope: _at(scope[0], find(scope[2]))


def path(word: str) -> Callable[[Mapping[str, str]], tuple[str, ...]]:
    """Return the path into an item that a word stands for, given the names of a request: of an attribute, its name alone."""
    parts = word.split(".")
    return lambda names: tuple(names[part] if part.startswith("#") else part for part in parts)


def name(word: str) -> Callable[[Mapping[str, str]], str]:
    """Return the attribute's name that a word stands for, given the names of a request."""
    if "." in word:
        raise NotSupported(word)
    return lambda names: names[word] if word.startswith("#") else word


def _at(item: Item, steps: tuple[str, ...]) -> Typed | None:
    inner: Item = item
    for step in steps[:-1]:
        inner = inner.get(step, {}).get("M", {})
    return inner.get(steps[-1])


def number(value: Typed) -> int | Decimal:
    """Return a typed number."""
    content = str(value["N"])
    return int(content) if content.lstrip("-").isdigit() else Decimal(content)


def plain(value: Typed) -> Any:
    """Return a typed value in a form that Python compares as DynamoDB does."""
    ((kind, content),) = value.items()
    return number(value) if kind == "N" else content


def equal(left: Typed | None, right: Typed | None) -> bool:
    """Tell whether two values are of one type and equal; numbers are, however they are written."""
    return left == right or bool(left and right and left.keys() == right.keys() == {"N"} and number(left) == number(right))


def check_placeholders(request: Mapping[str, Any], *expressions: str | None) -> None:
    """Raise RequestRefused unless the expressions use exactly the values and names of the request."""
    given = {*request.get("ExpressionAttributeValues", ()), *request.get("ExpressionAttributeNames", ())}
    if (given or any(expressions)) and (used := _placeholders(expressions)) != given:
        raise RequestRefused("ValidationException", f"unused, or used and not given: {', '.join(sorted(used ^ given))}")


@lru_cache(1000)
def _placeholders(expressions: tuple[str | None, ...]) -> frozenset[str]:
    return frozenset(word for expression in expressions if expression for word in _NAME.findall(expression))
