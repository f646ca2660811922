"""The base models of Avio's records: parsed once at the edge, never changed after."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

STRICT = ConfigDict(extra="forbid")
"""For records that are dataclasses. They cannot hide their input in errors; the model that contains them does (`HIDDEN`)."""

HIDDEN = ConfigDict(hide_input_in_errors=True)


class FrozenModel(BaseModel):
    """An immutable record. It refuses unknown fields, because our own code writes what it reads.

    Errors do not quote the input: the content of these records must not reach a log.
    """

    model_config = ConfigDict(frozen=True, **STRICT, **HIDDEN)


class StoredModel(FrozenModel):
    """A stored row. During a deployment two versions read it: fields that a later version has added are ignored."""

    model_config = ConfigDict(extra="ignore")
