"""Media of messages, and uploads (contract M5)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StringConstraints

from functions.http.access import ReadAccess, SendAccess
from functions.http.dependencies import provided
from functions.http.openapi_responses import REQUEST_ID, errors
from functions.http.parameters import Whole
from functions.media.fetching import Fetching, Link
from functions.media.uploading import MAX_UPLOAD_BYTES, Uploading
from shared.errors import Code
from shared.media_bucket import content_type, disposition
from shared.rpc.get_media import MediaPending

router = APIRouter(tags=["media"])
MIME_TYPE = r"^[A-Za-z0-9!#$&^_.+-]{1,100}/[A-Za-z0-9!#$&^_.+-]{1,99}$"
_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",  # what somebody sent never runs as a page of ours
    "Cache-Control": "private, no-store",
}
_RETRY_AFTER = {"Retry-After": {"description": "Seconds.", "required": True, "schema": {"type": "integer"}}}
_LOCATION = {"Location": {"description": "Good for 15 minutes.", "required": True, "schema": {"type": "string", "format": "uri"}}}


class Downloading(BaseModel):
    """The download goes on. Ask again with the same request."""

    state: Literal["downloading"] = "downloading"
    retry_after_seconds: Annotated[int, Field(description="Also in `Retry-After`.")]


_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The media, where it has 4 MiB at most. Its `Content-Type` is what the sender said.",
        "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}},
        "headers": REQUEST_ID,
    },
    202: {"model": Downloading, "description": "The download goes on: ask again.", "headers": {**REQUEST_ID, **_RETRY_AFTER}},
    302: {"description": "Where larger media is.", "headers": {**REQUEST_ID, **_LOCATION}},
}
_refusals = (
    Code.MEDIA_NOT_FOUND,
    Code.MEDIA_EXPIRED,
    Code.MEDIA_SELF_DESTRUCTS,
    Code.MEDIA_HAS_NO_THUMBNAIL,
    Code.NOT_SUPPORTED,
    Code.INVALID_CREDENTIALS,
    Code.NOT_AUTHORIZED,
    Code.FORBIDDEN,
    Code.TENANT_NOT_FOUND,
    Code.RATE_LIMITED,
    Code.ACCOUNT_FROZEN,
    Code.FLOOD_WAIT,
    Code.REFUSED_BY_TELEGRAM,
    Code.FORBIDDEN_BY_TELEGRAM,
    Code.ADMIN_REQUIRED,
    Code.NOT_A_MEMBER,
    Code.TELEGRAM_ERROR,
    Code.TELEGRAM_LAYER_REJECTED,
    Code.TELEGRAM_UNAVAILABLE,
    Code.OUTCOME_UNKNOWN,
)


@router.get("/tenants/{tenant}/media/{media_id}", responses={**errors(*_refusals), **_ANSWERS}, response_class=Response)
def get_media(
    media_id: Annotated[str, Path(description="The `id` of an event's `media`.", examples=["med_AQ"])],
    access: ReadAccess,
    fetching: Annotated[Fetching, provided(Fetching)],
    thumbnail: Annotated[Literal["0", "1"], Query(description="1: a small picture of it, where Telegram has one.")] = "0",
) -> Response:
    """Get the media of a message: at once where it is small, from where `Location` says where it is not."""
    found = fetching.fetch(access.tenant.id, access.account, media_id[:200], thumbnail=thumbnail == "1")
    if isinstance(found, MediaPending):
        body = Downloading(retry_after_seconds=found.retry_after_seconds)
        return JSONResponse(body.model_dump(), 202, {"Retry-After": str(found.retry_after_seconds)})
    if isinstance(found, Link):
        return Response(status_code=302, headers={"Location": found.url, "Cache-Control": "no-store"})
    headers = {**_SAFE, "Content-Type": content_type(found.mime_type), "Content-Disposition": disposition(found.file_name)}
    return Response(found.content, headers=headers)


class NewUpload(BaseModel):
    """A file that will be uploaded, to be sent as an attachment."""

    model_config = ConfigDict(extra="forbid")

    size: Annotated[Annotated[StrictInt, Field(ge=1, le=MAX_UPLOAD_BYTES), Whole], Field(description="Bytes; exactly so many are taken.")]
    mime_type: Annotated[str, StringConstraints(max_length=200, pattern=MIME_TYPE)] = "application/octet-stream"


class UploadView(BaseModel):
    """Where to PUT the file, with these headers, within an hour. The file is kept for a day."""

    upload_id: str
    method: Literal["PUT"] = "PUT"
    url: str
    headers: dict[str, str]
    expires_at: datetime


@router.post(
    "/tenants/{tenant}/uploads",
    status_code=201,
    responses=errors(Code.INVALID_CREDENTIALS, Code.FORBIDDEN, Code.TENANT_NOT_FOUND),
)
def create_upload(body: NewUpload, access: SendAccess, uploading: Annotated[Uploading, provided(Uploading)]) -> UploadView:
    """Get an address for a file. Attachments name it by `upload_id`, in this tenant alone."""
    made = uploading.begin(access.tenant.id, body.size, body.mime_type)
    return UploadView(upload_id=made.upload_id, url=made.url, headers=made.headers, expires_at=made.expires_at)
