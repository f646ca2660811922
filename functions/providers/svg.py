"""Checks that an SVG image from elsewhere only draws: no script, nothing that is loaded, no link. Pure.

An allow-list: elements that draw, and attributes that hold no address but one inside the image or a picture written out (`data:image/png`).
Scripts, event handlers, foreign objects, style sheets, animations, entities and processing instructions are on no list.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn
from xml.parsers import expat

MAX_SVG_BYTES = 128 << 10
MAX_DEPTH = 32
_SVG = "http://www.w3.org/2000/svg"
_ELEMENTS = frozenset(
    {
        *("svg", "g", "defs", "symbol", "use", "image", "title", "desc", "metadata"),
        *("path", "rect", "circle", "ellipse", "line", "polyline", "polygon"),
        *("clipPath", "mask", "pattern", "linearGradient", "radialGradient", "stop"),
    }
)
_LINKS = frozenset({"href", "http://www.w3.org/1999/xlink href", "src"})
_INSIDE = re.compile(r"#[\w.-]{1,100}|data:image/(?:png|jpeg|gif);base64,[A-Za-z0-9+/=\s]*")
_LOADS = re.compile(r"url\s*\(\s*(?![\"']?#)|image-set|@import|expression\s*\(|javascript:|\\|/\*", re.IGNORECASE)
"""What loads or runs something in the value of an attribute; also the ways in which CSS hides a word."""


class UnsafeSvg(ValueError):
    """The text is no SVG image, or does more than draw. The message says what is wrong and repeats nothing of the text."""


def check_svg(svg: object) -> str:
    """Return the image; raises UnsafeSvg."""
    if not isinstance(svg, str) or not svg.strip():
        raise UnsafeSvg("`svg` is missing: it should be the QR code as an SVG image.")
    try:
        content = svg.strip().encode()
    except UnicodeEncodeError:
        raise UnsafeSvg("This contains half of a surrogate pair, which is not valid text.") from None
    if len(content) > MAX_SVG_BYTES:
        raise UnsafeSvg(f"The image has more than {MAX_SVG_BYTES} bytes.")
    try:
        _Drawing().read(content)
    except expat.ExpatError as error:
        raise UnsafeSvg(f"This is not XML (line {error.lineno}).") from None
    return svg


class _Drawing:
    """Reads an image, and raises UnsafeSvg at the first thing that is on no list."""

    def __init__(self) -> None:
        self._depth = 0
        self._reusable = 0  # how many of the elements around have an id, by which `use` may name them
        self._ids: list[bool] = []
        self._parser = expat.ParserCreate("utf-8", " ")
        self._parser.StartElementHandler = self._element
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.EntityDeclHandler = _entity
        self._parser.ProcessingInstructionHandler = _instruction

    def read(self, content: bytes) -> None:
        self._parser.Parse(content, True)

    def _element(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise UnsafeSvg(f"The image is nested deeper than {MAX_DEPTH} levels.")
        if namespace not in ("", _SVG) or local not in _ELEMENTS or (self._depth == 1) != (local == "svg"):
            raise UnsafeSvg("The image has an element that a QR code does not need: it may draw, and nothing else.")
        self._ids.append("id" in attributes and self._depth > 1)
        self._reusable += self._ids[-1]
        if local == "use" and self._reusable:
            raise UnsafeSvg("The image uses a part in which another part is used: such an image can grow without end.")
        for attribute, value in attributes.items():
            _check_attribute(attribute, value)

    def _end(self, _: str) -> None:
        self._depth -= 1
        self._reusable -= self._ids.pop()

    def _doctype(self, _: str, __: Any, ___: Any, has_internal_subset: bool) -> None:
        if has_internal_subset:
            raise UnsafeSvg("The image declares entities, which it may not.")


def _check_attribute(name: str, value: str) -> None:
    local = name.rpartition(" ")[2].lower()
    if local == "base":
        raise UnsafeSvg("The image has another base for its links.")
    if local.startswith("on"):
        raise UnsafeSvg("The image has an event handler, which may run a script.")
    if (name in _LINKS or local in ("href", "src")) and not _INSIDE.fullmatch(value.strip()):
        raise UnsafeSvg("The image has a link to elsewhere.")
    if local not in ("href", "src") and _LOADS.search(value):
        raise UnsafeSvg("The image has an attribute that loads or runs something.")


def _entity(*_: Any) -> NoReturn:
    raise UnsafeSvg("The image declares entities, which it may not.")


def _instruction(*_: Any) -> NoReturn:
    raise UnsafeSvg("The image has a processing instruction, which may load a style sheet.")
