"""Which of a tenant's callbacks a request is about: the one that it names, or the first."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from shared.errors import AvioError, Code
from shared.model.callback_key import FIRST, FORM
from shared.model.tenant import Tenant

ChosenCallback = Annotated[
    str | None, Query(description="The callback's `id`. Default: `first`.", json_schema_extra={"pattern": f"^({FORM})$"})
]


def chosen(tenant: Tenant, callback_id: str | None) -> Tenant:
    """Return the tenant as seen by a callback; raises `not_found`."""
    if callback_id in (None, FIRST):
        return tenant.seen_by(FIRST) or tenant if tenant.fan_out else tenant
    seen = tenant.seen_by(callback_id)
    if seen is None:
        raise AvioError(Code.NOT_FOUND, "There is no such callback.")
    return seen
