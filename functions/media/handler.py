"""Composition root of the media function. It runs in the VPC, reaches DynamoDB and workers, and only signs the bucket's addresses."""

from __future__ import annotations

from functions.http.http_function import HttpFunction
from functions.media import routes
from functions.media.fetching import Fetching
from functions.media.uploading import Uploading
from shared import aws
from shared.media_bucket import MediaBucket
from shared.rpc.client import OwnerClient
from shared.settings import HttpSettings, MediaSettings
from shared.store.accounts import AccountStore
from shared.store.workers import WorkerStore


class MediaFunctionSettings(HttpSettings, MediaSettings):
    """What the function reads from the environment."""


settings = MediaFunctionSettings()
function = HttpFunction(settings)
owner = OwnerClient(AccountStore(function.table), WorkerStore(function.table))
bucket = MediaBucket(aws.s3, settings.media_bucket)
handler = function.handler([routes.router], Fetching(owner, bucket), Uploading(bucket, function.clock))
