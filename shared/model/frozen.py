"""The model that all of Avio's records are: parsed once at the edge, never changed after."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

STRICT = ConfigDict(extra="forbid")
"""Of a record that is a dataclass; pydantic lets only a model around it hide what is in it."""

HIDDEN = ConfigDict(hide_input_in_errors=True)


class FrozenModel(BaseModel):
    """An immutable record; unknown fields are refused, since our own code writes what it reads.

    Errors do not quote the input: what is in these records must not reach a log.
    """

    model_config = ConfigDict(frozen=True, **STRICT, **HIDDEN)


class StoredModel(FrozenModel):
    """A row. While a deployment lasts, processes of two versions read it: what a later version has added is passed over."""

    model_config = ConfigDict(extra="ignore")
