"""Routes for a tenant's callbacks (contract C8). The tenant's own `callback_url` and settings are those of the callback `first`."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field

from functions.http.access import ManageAccess, ReadAccess
from functions.http.dependencies import provided
from functions.http.openapi_responses import errors
from functions.tenants.callback_fields import CallbackFields, CallbackFieldsView, lists, stored_settings
from functions.tenants.callback_service import CallbackService
from functions.tenants.credential_routes import CredentialServiceDep, Done, RotatedSecret
from shared.errors import Code
from shared.model.callback_key import FORM, callback_of
from shared.model.tenant import DeliveryMode, Tenant

router = APIRouter(tags=["callbacks"])
CallbackId = Annotated[
    str, Path(description="The callback's `id`; `first` is the tenant's own.", json_schema_extra={"pattern": f"^({FORM})$"})
]
How = Annotated[
    DeliveryMode, Field(description="`push`: events are posted to `callback_url`. `pull`: they wait until `GET /tenants/{tenant}/events`.")
]


class NewCallback(CallbackFields):
    """A callback to create: with a `callback_url`, or with `delivery: pull`, which stays as it is."""

    delivery: How = DeliveryMode.PUSH


class CallbackSettingsView(CallbackFieldsView):
    """A callback's settings. Its health and its log: `GET /tenants/{tenant}/callback/status` and `/deliveries`, with `?callback=`."""

    id: str
    delivery: DeliveryMode


class CreatedCallback(CallbackSettingsView):
    """A new callback. Its signing secret is shown only in this answer."""

    signing_secret: str


CallbackServiceDep = Annotated[CallbackService, provided(CallbackService)]
_caller = (Code.INVALID_CREDENTIALS, Code.FORBIDDEN, Code.TENANT_NOT_FOUND)


@router.post(
    "/tenants/{tenant}/callbacks",
    status_code=201,
    responses=errors(*_caller, Code.INVALID_CALLBACK_URL, Code.CONTRADICTORY_FIELDS, Code.TOO_MANY_CALLBACKS),
)
def create_callback(body: NewCallback, access: ManageAccess, callbacks: CallbackServiceDep) -> CreatedCallback:
    """Create another callback. It gets the events from now on, in its own order, whatever the others do; five callbacks at most."""
    created, secret = callbacks.create(access.tenant, stored_settings(body.model_dump(exclude_unset=True)))
    return CreatedCallback(**_view(created), signing_secret=secret.get_secret_value())


@router.get("/tenants/{tenant}/callbacks", responses=errors(*_caller))
def list_callbacks(access: ReadAccess, callbacks: CallbackServiceDep) -> list[CallbackSettingsView]:
    """List the tenant's callbacks: `first`, then the others, oldest first."""
    return [CallbackSettingsView(**_view(seen)) for seen in callbacks.all_of(access.tenant)]


@router.get("/tenants/{tenant}/callbacks/{callback_id}", responses=errors(*_caller, Code.NOT_FOUND))
def get_callback(callback_id: CallbackId, access: ReadAccess, callbacks: CallbackServiceDep) -> CallbackSettingsView:
    """Return one callback."""
    return CallbackSettingsView(**_view(callbacks.get(access.tenant, callback_id)))


@router.patch(
    "/tenants/{tenant}/callbacks/{callback_id}",
    responses=errors(*_caller, Code.NOT_FOUND, Code.INVALID_CALLBACK_URL, Code.CONTRADICTORY_FIELDS),
)
def change_callback(
    callback_id: CallbackId, body: CallbackFields, access: ManageAccess, callbacks: CallbackServiceDep
) -> CallbackSettingsView:
    """Change a callback. Any URL, also the current one, enables a disabled callback."""
    changes = stored_settings(body.model_dump(exclude_unset=True))
    return CallbackSettingsView(**_view(callbacks.change(access.tenant, callback_id, changes)))


@router.delete("/tenants/{tenant}/callbacks/{callback_id}", responses=errors(*_caller, Code.NOT_FOUND))
def delete_callback(callback_id: CallbackId, access: ManageAccess, callbacks: CallbackServiceDep) -> Done:
    """Delete a callback, with what waits for it and its log. Of `first` it removes the URL alone."""
    callbacks.delete(access.tenant, callback_id)
    return Done()


@router.post(
    "/tenants/{tenant}/callbacks/{callback_id}/signing-secret/rotate", responses=errors(*_caller, Code.NOT_FOUND, Code.ROTATION_PENDING)
)
def rotate_callback_secret(
    callback_id: CallbackId, access: ManageAccess, callbacks: CallbackServiceDep, credentials: CredentialServiceDep
) -> RotatedSecret:
    """Create a new signing secret for a callback. The previous one stays valid for 24 hours, or until it is ended."""
    secret, until = credentials.rotate(callbacks.get(access.tenant, callback_id))
    return RotatedSecret(signing_secret=secret.get_secret_value(), previous_valid_until=until)


@router.delete(
    "/tenants/{tenant}/callbacks/{callback_id}/signing-secret/previous", responses=errors(*_caller, Code.NOT_FOUND, Code.ROTATION_PENDING)
)
def end_previous_callback_secret(
    callback_id: CallbackId, access: ManageAccess, callbacks: CallbackServiceDep, credentials: CredentialServiceDep
) -> Done:
    """End a callback's previous signing secrets. Safe to repeat."""
    credentials.end_previous(callbacks.get(access.tenant, callback_id))
    return Done()


def _view(seen: Tenant) -> dict[str, Any]:
    return {**seen.model_dump(include=set(CallbackSettingsView.model_fields)), **lists(seen), "id": callback_of(seen.id)}
