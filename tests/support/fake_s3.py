"""A bucket in memory, as far as erasing looks at one."""

from __future__ import annotations

from typing import Any, cast

from shared.media_bucket import MediaBucket

PAGE = 1000


class FakeS3:
    """Lists keys page by page, and deletes them."""

    def __init__(self) -> None:
        self.keys: set[str] = set()

    def list_objects_v2(self, **asked: Any) -> dict[str, Any]:
        """Return the first page of keys."""
        return {"Contents": [{"Key": key} for key in sorted(self.keys) if key.startswith(asked["Prefix"])][:PAGE]}

    def delete_objects(self, **asked: Any) -> dict[str, Any]:
        """Delete keys."""
        self.keys -= {one["Key"] for one in asked["Delete"]["Objects"]}
        return {}


def fake_bucket(s3: FakeS3) -> MediaBucket:
    """Return the bucket over it."""
    return MediaBucket(lambda: cast("Any", s3), "media")
