"""What happens to data, keys and secrets when their stack goes."""

from __future__ import annotations

from aws_cdk import RemovalPolicy

from infra_cdk.settings import StackSettings


def removal_policy(settings: StackSettings) -> RemovalPolicy:
    """Keep what is durable, except in the stack operation that creates it: a first deployment that fails leaves nothing behind.

    A table with deletion protection stays all the same: CloudFormation cannot delete it. So the first deployment goes without.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
    """
    return RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if settings.durable else RemovalPolicy.DESTROY
