"""The bucket for files on their way: media from the messenger, and uploads to it. Everything in it is erased after a day.

    media/<tenant>/<digest>     a file that was fetched for GET .../media/{id}
    uploads/<tenant>/<id>       a file that a tenant has uploaded, to be sent

A tenant's files lie under the tenant's id, so that they are erased with the tenant.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError

from shared.model.ids import TenantId

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CompletedPartTypeDef, ObjectIdentifierTypeDef

T = TypeVar("T")
KEPT = timedelta(hours=23)
"""S3 removes a file some time after its day is over: an hour before that it counts as gone."""
LINK_S = 900
UPLOAD_LINK_S = 3600
PART_BYTES = 8 << 20  # S3 takes 10,000 parts of 5 MiB or more: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
MEDIA, UPLOADS = "media", "uploads"
NAME_BYTES = 180
_ABSENT = {"404", "NoSuchKey", "NotFound"}


class BucketUnavailable(Exception):
    """S3 does not answer, or refuses."""


@dataclass(frozen=True)
class StoredFile:
    """A file in the bucket."""

    size: int
    stored_at: datetime


@dataclass(frozen=True)
class UploadLink:
    """Where a file can be PUT, with these headers."""

    url: str
    headers: dict[str, str]


def media_key(tenant_id: TenantId, file: str) -> str:
    """Return the key of a file of the messenger's; `file` names it there."""
    return f"{MEDIA}/{tenant_id}/{hashlib.sha256(file.encode()).hexdigest()[:40]}"


def upload_key(tenant_id: TenantId, upload_id: str) -> str:
    """Return the key of a tenant's upload."""
    return f"{UPLOADS}/{tenant_id}/{upload_id}"


class MediaBucket:
    """The bucket. Every call blocks, and raises BucketUnavailable."""

    def __init__(self, client: Callable[[], S3Client], name: str) -> None:
        self._client = client
        self._name = name

    def find(self, key: str) -> StoredFile | None:
        """Return what is known of a file, None if there is none."""
        try:
            found = self._client().head_object(Bucket=self._name, Key=key)
        except ClientError as error:
            if error.response["Error"].get("Code") in _ABSENT:
                return None
            raise BucketUnavailable from error
        except BotoCoreError as error:
            raise BucketUnavailable from error
        return StoredFile(found["ContentLength"], found["LastModified"])

    def open(self, key: str) -> StreamingBody | None:
        """Return a file to be read, None if there is none. The caller closes it."""
        try:
            return self._client().get_object(Bucket=self._name, Key=key)["Body"]
        except ClientError as error:
            if error.response["Error"].get("Code") in _ABSENT:
                return None
            raise BucketUnavailable from error
        except BotoCoreError as error:
            raise BucketUnavailable from error

    def begin(self, key: str) -> str:
        """Begin a large file; return the upload's id."""
        return str(self._call(lambda s3: s3.create_multipart_upload(Bucket=self._name, Key=key))["UploadId"])

    def add(self, key: str, upload: str, number: int, content: bytes) -> str:
        """Store a part of a large file; numbers begin at 1. Return the part's tag."""
        stored = self._call(lambda s3: s3.upload_part(Bucket=self._name, Key=key, UploadId=upload, PartNumber=number, Body=content))
        return str(stored["ETag"])

    def complete(self, key: str, upload: str, tags: list[str]) -> None:
        """Make a file of its parts. Until then nobody sees any of it."""
        parts: list[CompletedPartTypeDef] = [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, 1)]
        self._call(lambda s3: s3.complete_multipart_upload(Bucket=self._name, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}))

    def abort(self, key: str, upload: str) -> None:
        """Remove the parts of a file that is not to be. What is left lying all the same goes within a day."""
        self._call(lambda s3: s3.abort_multipart_upload(Bucket=self._name, Key=key, UploadId=upload))

    def link(self, key: str, name: str | None, mime_type: str) -> str:
        """Return an address from which anybody may GET a file for a quarter of an hour. Nothing is asked of S3."""
        asked = {
            "Bucket": self._name,
            "Key": key,
            "ResponseContentType": content_type(mime_type),
            "ResponseContentDisposition": disposition(name),
            "ResponseCacheControl": "private",
        }
        return self._client().generate_presigned_url("get_object", Params=asked, ExpiresIn=LINK_S)

    def upload_link(self, key: str, size: int, mime_type: str) -> UploadLink:
        """Return where a file of exactly this size can be PUT, with the headers to send. Nothing is asked of S3."""
        asked = {"Bucket": self._name, "Key": key, "ContentLength": size, "ContentType": mime_type}
        url = self._client().generate_presigned_url("put_object", Params=asked, ExpiresIn=UPLOAD_LINK_S)
        return UploadLink(url, {"Content-Type": mime_type, "Content-Length": str(size)})

    def erase_some(self, tenant_id: TenantId) -> bool:
        """Erase up to 1,000 files of a tenant; tell whether there were any."""
        keys = self._some(f"{MEDIA}/{tenant_id}/") or self._some(f"{UPLOADS}/{tenant_id}/")
        if keys:
            objects: list[ObjectIdentifierTypeDef] = [{"Key": key} for key in keys]
            self._call(lambda s3: s3.delete_objects(Bucket=self._name, Delete={"Objects": objects, "Quiet": True}))
        return bool(keys)

    def _some(self, prefix: str) -> list[str]:
        page = self._call(lambda s3: s3.list_objects_v2(Bucket=self._name, Prefix=prefix))
        return [one["Key"] for one in page.get("Contents", [])]

    def _call(self, call: Callable[[S3Client], T]) -> T:
        try:
            return call(self._client())
        except (ClientError, BotoCoreError) as error:
            raise BucketUnavailable from error


def content_type(mime_type: str) -> str:
    """Return a type as a header may have it; what is none is unknown bytes."""
    return mime_type if re.fullmatch(r"[A-Za-z0-9!#$&^_.+-]{1,100}/[A-Za-z0-9!#$&^_.+-]{1,100}", mime_type) else "application/octet-stream"


def disposition(name: str | None) -> str:
    """Return the header that has a browser save a file rather than show it (RFC 6266)."""
    if not (safe := safe_name(name or "")):
        return "attachment"
    plain = re.sub(r"[^A-Za-z0-9 !#$&+.^_`|~()@=,;{}\[\]-]", "_", safe)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(safe, safe='')}"


def safe_name(name: str) -> str:
    """Return a file name without folders, control and direction characters, at most 180 bytes long; empty if nothing is left of it."""
    last = re.split(r"[/\\]", name)[-1]
    seen = "".join(one for one in last if unicodedata.category(one) not in {"Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn"}).strip(" .")
    stem, dot, ending = seen.rpartition(".")
    if dot and len(ending.encode()) <= 16:
        return stem.encode()[: NAME_BYTES - 17].decode(errors="ignore") + dot + ending
    return seen.encode()[:NAME_BYTES].decode(errors="ignore")
