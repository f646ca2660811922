"""QR codes as images. The link's 55 characters or so make a code of version 4 or 5; the quiet zone is the four modules of the standard.

ISO/IEC 18004, 9.1: https://www.iso.org/standard/83389.html
"""

from __future__ import annotations

import io

MODULE_PX = 8
QUIET_ZONE = 4
"""Modules of white around the code."""
NEVER_KEPT = {"Cache-Control": "no-store"}
"""A code is good for half a minute, and opens an account."""


def png(text: str) -> bytes:
    """Return a QR code as PNG, a module being eight pixels wide."""
    return _drawn(text, "png")


def svg(text: str) -> bytes:
    """Return a QR code as an SVG document. It has a white background, since the quiet zone is a part of the code."""
    return _drawn(text, "svg", light="#fff")


def _drawn(text: str, kind: str, **more: str) -> bytes:
    import segno  # here, because few requests need it

    image = io.BytesIO()
    segno.make_qr(text, error="m").save(image, kind=kind, scale=MODULE_PX, border=QUIET_ZONE, **more)
    return image.getvalue()
