"""The data centres: each has addresses and authorisation keys of its own, and everybody lives in one (https://core.telegram.org/api/datacenter)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

DC_ID: Final = 2
"""Where clients knock first, and where people live unless told otherwise."""

DATA_CENTRES = (DC_ID, 1, 4)


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a data centre listens: for everything, and for files alone."""

    main: int
    media: int


PortsByDc = Mapping[int, Ports]
