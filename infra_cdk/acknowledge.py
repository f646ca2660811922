"""Accepts a finding of the security checks (cdk-nag) on a construct, with the reason."""

from __future__ import annotations

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, finding: str, reason: str) -> None:
    """Accept one finding, for example "AwsSolutions-IAM5[Resource::*]", on `construct` and its children."""
    Validations.of(construct).acknowledge(Acknowledgment(id=finding, reason=reason))
