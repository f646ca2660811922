"""Routes for a tenant's keys and for the rotation of its signing secret (contract T2)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from functions.http.access import ManageAccess
from functions.http.dependencies import provided
from functions.http.openapi_responses import errors
from functions.http.parameters import Since, each_once
from functions.tenants.credential_service import CredentialService
from functions.tenants.routes import Name
from shared.errors import AvioError, Code
from shared.model.tenant import Scope, TenantKey

router = APIRouter(tags=["tenants"])
KeyId = Annotated[str, Path(description="The key's `id`, from the list.", json_schema_extra={"pattern": "^[0-9a-f]{12}$"})]


class NewKey(BaseModel):
    """A key to create. `name` helps people to tell keys apart in the list."""

    model_config = ConfigDict(extra="forbid")

    scopes: Annotated[
        list[Scope],
        AfterValidator(each_once),
        Field(description="What the key may do; empty for a public key, and for no other.", json_schema_extra={"uniqueItems": True}),
    ]
    public: Annotated[
        bool,
        Field(
            description="A key for a front end, sent as `?k=`: it opens `/pub/*` for this tenant and nothing else. Leave `scopes` empty."
        ),
    ] = False
    name: Name | None = None
    expires_at: Annotated[Since | None, Field(description="When it stops to open anything; never, where it is left out.")] = None


class KeyView(BaseModel):
    """A key's data, without the key itself, which is never shown again. `last_used_at` is right within a few minutes."""

    id: str
    name: str | None
    scopes: list[Scope]
    public: bool
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class CreatedKey(KeyView):
    """A new key. `key` is shown only in this answer."""

    key: str


class RotatedSecret(BaseModel):
    """The new signing secret, shown only in this answer, and the time until which the previous one is valid too."""

    signing_secret: str
    previous_valid_until: datetime


class Done(BaseModel):
    """The request was carried out."""

    ok: Literal[True] = True


CredentialServiceDep = Annotated[CredentialService, provided(CredentialService)]
_caller = (Code.INVALID_CREDENTIALS, Code.FORBIDDEN, Code.TENANT_NOT_FOUND)


@router.post("/tenants/{tenant}/keys", status_code=201, responses=errors(*_caller, Code.TOO_MANY_KEYS))
def create_key(body: NewKey, access: ManageAccess, credentials: CredentialServiceDep) -> CreatedKey:
    """Create another key. It is shown only in this answer. A tenant's key can only give scopes that it has itself, and no longer life."""
    if body.public == bool(body.scopes):
        problem = "A public key has no scopes." if body.public else "Give at least one scope, or make a public key."
        raise AvioError(Code.INVALID_REQUEST, fields=[{"field": "body.scopes", "problem": problem}])
    created, key = credentials.add_key(access.tenant, frozenset(body.scopes), body.name, access.caller, body.expires_at, public=body.public)
    return CreatedKey(**_view(created).model_dump(), key=key.get_secret_value())


@router.get("/tenants/{tenant}/keys", responses=errors(*_caller))
def list_keys(access: ManageAccess, credentials: CredentialServiceDep) -> list[KeyView]:
    """List the tenant's keys, oldest first."""
    return [_view(key) for key in credentials.keys_of(access.tenant)]


@router.delete("/tenants/{tenant}/keys/{key_id}", responses=errors(*_caller, Code.NOT_FOUND))
def delete_key(key_id: KeyId, access: ManageAccess, credentials: CredentialServiceDep) -> Done:
    """Delete a key. It opens nothing from the moment of this answer."""
    credentials.remove_key(access.tenant, key_id)
    return Done()


@router.post("/tenants/{tenant}/signing-secret/rotate", responses=errors(*_caller, Code.ROTATION_PENDING))
def rotate_signing_secret(access: ManageAccess, credentials: CredentialServiceDep) -> RotatedSecret:
    """Create a new signing secret. The previous one stays valid for 24 hours, or until it is ended.

    Until then `webhook-signature` contains a signature by each valid secret, and `X-Signature` is made with the oldest of them. Deliveries
    use the new secret within 10 seconds.
    """
    secret, until = credentials.rotate(access.tenant)
    return RotatedSecret(signing_secret=secret.get_secret_value(), previous_valid_until=until)


@router.delete("/tenants/{tenant}/signing-secret/previous", responses=errors(*_caller, Code.ROTATION_PENDING))
def end_previous_signing_secret(access: ManageAccess, credentials: CredentialServiceDep) -> Done:
    """End the previous signing secrets: within 10 seconds only the newest one signs. Safe to repeat."""
    credentials.end_previous(access.tenant)
    return Done()


def _view(key: TenantKey) -> KeyView:
    return KeyView(
        id=key.id,
        name=key.name,
        scopes=sorted(key.scopes),
        public=key.public,
        created_at=key.created_at,
        expires_at=key.valid_until,
        last_used_at=key.last_used_at,
    )
