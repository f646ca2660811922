"""Which SVG images are taken for a QR code: those that only draw."""

from __future__ import annotations

import io

import pytest
import segno

from functions.providers.svg import MAX_SVG_BYTES, UnsafeSvg, check_svg

XMLNS = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'


def image(inside: str = "", attributes: str = "") -> str:
    """Return an image with this inside."""
    return f"<svg {XMLNS} {attributes}>{inside}</svg>"


def drawn(**options: object) -> str:
    """Return a QR code as segno draws it."""
    buffer = io.BytesIO()
    segno.make("2@hYk3/w8,qVb+,bA==").save(buffer, kind="svg", **options)
    return buffer.getvalue().decode()


DOCTYPE = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'
TAKEN = [
    drawn(),
    drawn(xmldecl=False, scale=4, border=4, title="QR", svgclass="a b"),
    '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n' + DOCTYPE + image("<g><path d='M0 0h1'/></g>"),
    "<svg/>",
    f'<svg:svg xmlns:svg="http://www.w3.org/2000/svg">{"<svg:rect/>" * 50}</svg:svg>',
    image('<rect style="fill:#000;shape-rendering:crispEdges;" width="1"/><!-- a comment with onload= and <script> -->'),
    image('<defs><g id="p"/></defs><use xlink:href="#p"/><use href="#p"/><path fill="url(#p)" clip-path="url(\'#p\')"/>'),
    image('<image href="data:image/png;base64,iVBORw0KGgo="/>'),
    image("<title>Зайти</title><desc><![CDATA[<script>]]></desc>"),
]


@pytest.mark.parametrize("svg", TAKEN, ids=range(len(TAKEN)))
def test_an_image_that_only_draws_is_taken_as_it_is(svg: str) -> None:
    """From several libraries, with and without XML's own beginning."""
    assert check_svg(svg) == svg


REFUSED = {
    "no text": "",
    "blank": " \n ",
    "not even text": 5,
    "nothing": None,
    "a list": ["<svg/>"],
    "no XML": "QR",
    "cut off": "<svg><g>",
    "the contract's elision": "<?xml version=...>",
    "two roots": "<svg/><svg/>",
    "HTML": "<html><body/></html>",
    "an image in HTML": "<html><svg/></html>",
    "a script": image("<script>alert(1)</script>"),
    "a script in capitals": image("<SCRIPT>alert(1)</SCRIPT>"),
    "a script of another namespace": image('<s:script xmlns:s="http://www.w3.org/1999/xhtml">alert(1)</s:script>'),
    "a script behind a prefix": image('<s:script xmlns:s="http://www.w3.org/2000/svg">alert(1)</s:script>'),
    "an event handler": image(attributes='onload="alert(1)"'),
    "an event handler in capitals": image('<path ONCLICK="alert(1)"/>'),
    "HTML inside": image('<foreignObject><b xmlns="http://www.w3.org/1999/xhtml" onclick="x"/></foreignObject>'),
    "a frame": image('<iframe src="https://evil.example"/>'),
    "a link": image('<a href="https://evil.example"><path/></a>'),
    "an image from elsewhere": image('<image xlink:href="https://evil.example/x.png"/>'),
    "an image of another kind": image('<image href="data:image/svg+xml;base64,PHN2Zy8+"/>'),
    "a use within what is used": image('<g id="a"/><g id="b"><use href="#a"/><use href="#a"/></g><use href="#b"/>'),
    "a use that is used": image('<g id="a"/><use id="b" href="#a"/>'),
    "a use from elsewhere": image('<use href="https://evil.example/x.svg#a"/>'),
    "a use by script": image('<use href=" javascript:alert(1)"/>'),
    "another base": image('<use href="#a"/>', 'xml:base="https://evil.example/"'),
    "a style sheet": image("<style>@import 'https://evil.example';</style>"),
    "a style that loads": image('<path style="fill:url(https://evil.example)"/>'),
    "a style that hides it": image('<path style="fill:u\\72l(https://evil.example)"/>'),
    "a style with a comment": image('<path style="fill:ur/**/l(https://evil.example)"/>'),
    "an animation": image('<animate attributeName="href" to="javascript:alert(1)"/>'),
    "a set": image('<set attributeName="onclick" to="alert(1)"/>'),
    "a style sheet by instruction": '<?xml-stylesheet href="https://evil.example"?><svg/>',
    "an entity": '<!DOCTYPE svg [<!ENTITY a "b">]><svg>&a;</svg>',
    "a bomb": '<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><svg>&b;</svg>',
    "a file": '<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]><svg>&a;</svg>',
    "an unknown entity": "<svg>&nbsp;</svg>",
    "too deep": image("<g>" * 40 + "</g>" * 40),
    "far too deep": "<svg>" + "<g>" * 20_000,
    "too large": image(f"<desc>{'x' * MAX_SVG_BYTES}</desc>"),
    "a NUL": "<svg>\x00</svg>",
    "half of a surrogate pair": "<svg>\ud800</svg>",
    "another image inside": image("<svg/>"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_image_that_may_do_more_is_refused(name: str) -> None:
    """In words that repeat nothing of it."""
    with pytest.raises(UnsafeSvg) as refused:
        check_svg(REFUSED[name])
    assert "evil" not in str(refused.value)
    assert "alert" not in str(refused.value)
