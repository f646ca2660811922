"""The bucket for files on their way (shared/media_bucket.py): sealed, encrypted, emptied after a day."""

from __future__ import annotations

from typing import cast

from aws_cdk import CfnElement, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra_cdk.acknowledge import acknowledge
from infra_cdk.retention import removal_policy
from infra_cdk.settings import StackSettings

KEPT = Duration.days(1)
MEDIA, UPLOADS = "media", "uploads"


class MediaStorage(Construct):
    """The bucket and the rights to it. A browser may use signed addresses from the origins of `CORS_ORIGINS`."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: StackSettings) -> None:
        super().__init__(scope, construct_id)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=removal_policy(settings),
            lifecycle_rules=[s3.LifecycleRule(id="a-day", expiration=KEPT, abort_incomplete_multipart_upload_after=KEPT)],
            cors=[
                s3.CorsRule(
                    allowed_methods=[s3.HttpMethods.GET, s3.HttpMethods.PUT],
                    allowed_origins=settings.cors_origins.replace(",", " ").split(),
                    allowed_headers=["content-type"],
                )
            ],
        )
        acknowledge(self.bucket, "AwsSolutions-S1", "The functions log who asks for which file; the bucket is open to nobody else.")

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which a part finds the bucket."""
        return {"MEDIA_BUCKET": self.bucket.bucket_name}

    def let_link(self, role: iam.Role) -> None:
        """Allow signing addresses from which media can be had, and to which files can be uploaded."""
        self._allow(role, ["s3:GetObject"], f"{MEDIA}/*")
        self._allow(role, ["s3:PutObject"], f"{UPLOADS}/*")

    def let_move(self, role: iam.Role) -> None:
        """Allow storing media, and reading uploads. Who may list is told that a file is not there, rather than refused."""
        self._allow(role, ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"], f"{MEDIA}/*")
        self._allow(role, ["s3:GetObject"], f"{UPLOADS}/*")
        self._let_list(role)

    def let_erase(self, role: iam.Role) -> None:
        """Allow listing and removing files."""
        self._allow(role, ["s3:DeleteObject"], "*")
        self._let_list(role)

    def _let_list(self, role: iam.Role) -> None:
        role.add_to_policy(iam.PolicyStatement(actions=["s3:ListBucket"], resources=[self.bucket.bucket_arn]))

    def _allow(self, role: iam.Role, actions: list[str], keys: str) -> None:
        role.add_to_policy(iam.PolicyStatement(actions=actions, resources=[self.bucket.arn_for_objects(keys)]))
        bucket = Stack.of(self).get_logical_id(cast("CfnElement", self.bucket.node.default_child))
        reason = "Files get their names while the system runs: the right is to those of one kind."
        acknowledge(role, f"AwsSolutions-IAM5[Resource::<{bucket}.Arn>/{keys}]", reason)
