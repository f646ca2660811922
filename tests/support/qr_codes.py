"""Reads QR codes as a phone's camera does, from the pixels of an image."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ElementTree

import zxingcpp
from PIL import Image, ImageDraw

_SVG = "{http://www.w3.org/2000/svg}"
_STEP = re.compile(r"([Mmh])(-?[\d.]+)(?:[ ,]?(-?[\d.]+))?")


def read_png(content: bytes) -> str:
    """Return what the one QR code in a PNG says."""
    return _read(Image.open(io.BytesIO(content)))


def read_svg(content: bytes) -> str:
    """Draw the horizontal lines of the one path of an SVG document, and return what the QR code says."""
    document = ElementTree.fromstring(content)
    width, height = int(document.attrib["width"]), int(document.attrib["height"])
    background, lines = document.iter(f"{_SVG}path")
    (group,) = document.iter(f"{_SVG}g")
    scale = int(group.attrib["transform"].removeprefix("scale(").removesuffix(")"))
    assert background.attrib["fill"].lower() in ("#fff", "#ffffff", "white")
    image = Image.new("L", (width, height), 255)
    draw = ImageDraw.Draw(image)
    x = y = 0.0
    for command, first, second in _STEP.findall(lines.attrib["d"]):
        if command == "h":
            top = (y - 0.5) * scale
            draw.rectangle((x * scale, top, (x + float(first)) * scale - 1, top + scale - 1), fill=0)
            x += float(first)
        elif command == "M":
            x, y = float(first), float(second)
        else:
            x, y = x + float(first), y + float(second)
    return _read(image)


def _read(image: Image.Image) -> str:
    (code,) = zxingcpp.read_barcodes(image.convert("L"))
    assert code.format == zxingcpp.BarcodeFormat.QRCode, code.format
    return str(code.text)
