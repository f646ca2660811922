"""A tenant's keys and the rotation of its signing secret (contract T2)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from functions.http.access import ManageAccess
from functions.http.dependencies import provided
from functions.http.openapi_responses import errors
from functions.http.parameters import each_once
from functions.tenants.credential_service import CredentialService
from functions.tenants.routes import Name
from shared.errors import Code
from shared.model.tenant import Scope, TenantKey

router = APIRouter(tags=["tenants"])
KeyId = Annotated[str, Path(description="The key's `id`, from the list.", json_schema_extra={"pattern": "^[0-9a-f]{12}$"})]


class NewKey(BaseModel):
    """A key to be. `name` is for people, to know it by in the list."""

    model_config = ConfigDict(extra="forbid")

    scopes: Annotated[
        list[Scope],
        AfterValidator(each_once),
        Field(min_length=1, description="What the key may do.", json_schema_extra={"uniqueItems": True}),
    ]
    name: Name | None = None


class KeyView(BaseModel):
    """A key, without itself: nothing can show it again."""

    id: str
    name: str | None
    scopes: list[Scope]
    created_at: datetime


class CreatedKey(KeyView):
    """A new key, shown this once."""

    key: str


class RotatedSecret(BaseModel):
    """The new signing secret, shown this once, and until when the previous one is valid too."""

    signing_secret: str
    previous_valid_until: datetime


class Done(BaseModel):
    """It is done."""

    ok: Literal[True] = True


CredentialServiceDep = Annotated[CredentialService, provided(CredentialService)]
_caller = (Code.INVALID_CREDENTIALS, Code.FORBIDDEN, Code.TENANT_NOT_FOUND)


@router.post("/tenants/{tenant}/keys", status_code=201, responses=errors(*_caller, Code.TOO_MANY_KEYS))
def create_key(body: NewKey, access: ManageAccess, credentials: CredentialServiceDep) -> CreatedKey:
    """Make one more key. It is shown this once; a tenant's key gives away only scopes that it has itself."""
    made, key = credentials.add_key(access.tenant, frozenset(body.scopes), body.name, access.caller.scopes)
    return CreatedKey(**_view(made).model_dump(), key=key.get_secret_value())


@router.get("/tenants/{tenant}/keys", responses=errors(*_caller))
def list_keys(access: ManageAccess, credentials: CredentialServiceDep) -> list[KeyView]:
    """List the tenant's keys, the oldest first."""
    return [_view(key) for key in credentials.keys_of(access.tenant)]


@router.delete("/tenants/{tenant}/keys/{key_id}", responses=errors(*_caller, Code.NOT_FOUND))
def delete_key(key_id: KeyId, access: ManageAccess, credentials: CredentialServiceDep) -> Done:
    """Take a key away. It opens nothing from the moment that this answers."""
    credentials.remove_key(access.tenant, key_id)
    return Done()


@router.post("/tenants/{tenant}/signing-secret/rotate", responses=errors(*_caller, Code.ROTATION_PENDING))
def rotate_signing_secret(access: ManageAccess, credentials: CredentialServiceDep) -> RotatedSecret:
    """Make a new signing secret; the previous one stays valid for 24 hours, or until it is ended.

    Meanwhile `webhook-signature` holds a signature by each valid secret, and `X-Signature` goes by the oldest of them. In force in 10 s.
    """
    secret, until = credentials.rotate(access.tenant)
    return RotatedSecret(signing_secret=secret.get_secret_value(), previous_valid_until=until)


@router.delete("/tenants/{tenant}/signing-secret/previous", responses=errors(*_caller, Code.ROTATION_PENDING))
def end_previous_signing_secret(access: ManageAccess, credentials: CredentialServiceDep) -> Done:
    """End the overlap: from now on (within 10 s) only the newest signing secret signs. Safe to run twice."""
    credentials.end_previous(access.tenant)
    return Done()


def _view(key: TenantKey) -> KeyView:
    return KeyView(id=key.id, name=key.name, scopes=sorted(key.scopes), created_at=key.created_at)
