"""The stack on the emulator: upload the assets, create or update by CloudFormation, read the outputs.

What was deployed last is noted on the stack itself (a tag with the template's digest), so an unchanged template costs one call.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local.emulator import REGION, Emulator
from local.emulator_template import Template, adapt, time_to_live

STACK = "Avio"
ASSETS_BUCKET = "cdk-hnb659fds-assets-{account}-{region}"
BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
BOOTSTRAP_VERSION = "30"
DIGEST_TAG = "avio-template-digest"
FINISHED = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
DEADLINE_S = 180
POLL_S = 0.05


class StackError(Exception):
    """CloudFormation refused the template or could not carry it out; the message lists the reasons it gave."""


@dataclass(frozen=True)
class Outputs:
    """The stack's outputs, by the names that infra_cdk gives them."""

    api_id: str
    table_name: str
    deliveries_table_name: str
    events_queue_url: str
    kms_key_id: str
    media_bucket: str
    secret_id: str
    deployment_tokens_function: str
    default_function: str
    listener_role_arn: str


def deploy(emulator: Emulator, template_path: Path) -> Outputs:
    """Bring the emulator's stack to what `template_path` (a synthesized template beside its assets) says. Raises `StackError`."""
    template = adapt(json.loads(template_path.read_text()))
    body = json.dumps(template, sort_keys=True)
    digest = hashlib.sha256(body.encode()).hexdigest()
    cloudformation = emulator.client("cloudformation")
    current = _describe(cloudformation)
    if current is None or _digest_of(current) != digest:
        _bootstrap(emulator)
        _upload(emulator, template_path)
        _apply(cloudformation, _put_template(emulator, body, digest), digest, exists=current is not None)
        _set_time_to_live(emulator, template)
        current = _describe(cloudformation)
    if current is None:
        raise StackError("the stack is gone right after it was deployed")
    return _outputs(current)


def _describe(cloudformation: Any) -> dict[str, Any] | None:
    try:
        stacks = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    live = [stack for stack in stacks if stack["StackStatus"] != "DELETE_COMPLETE"]
    return live[0] if live else None


def _digest_of(stack: dict[str, Any]) -> str | None:
    """The digest of what is wholly in place; None when the last attempt failed half-way."""
    tags = {tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])}
    return tags.get(DIGEST_TAG) if stack["StackStatus"] in FINISHED else None


def _bootstrap(emulator: Emulator) -> None:
    """Make what `cdk bootstrap` makes on AWS, as far as this template asks for it."""
    emulator.client("ssm").put_parameter(Name=BOOTSTRAP_PARAMETER, Value=BOOTSTRAP_VERSION, Type="String", Overwrite=True)
    emulator.client("s3").create_bucket(Bucket=_bucket(emulator))


def _bucket(emulator: Emulator) -> str:
    return ASSETS_BUCKET.format(account=emulator.account, region=REGION)


def _upload(emulator: Emulator, template_path: Path) -> None:
    manifest = json.loads(template_path.with_suffix("").with_suffix(".assets.json").read_text())
    s3, bucket = emulator.client("s3"), _bucket(emulator)
    there = {entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])}
    for asset in manifest["files"].values():
        for destination in asset["destinations"].values():
            path = template_path.parent / asset["source"]["path"]
            if destination["objectKey"] not in there and path.suffix == ".zip":
                s3.put_object(Bucket=bucket, Key=destination["objectKey"], Body=path.read_bytes())


def _put_template(emulator: Emulator, body: str, digest: str) -> str:
    """Lay the template beside the assets, as the CDK does: a request carries 51,200 bytes of it at most. Returns its URL.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
    """
    bucket, key = _bucket(emulator), f"{digest}.json"
    emulator.client("s3").put_object(Bucket=bucket, Key=key, Body=body.encode())
    return f"{emulator.url}/{bucket}/{key}"


def _apply(cloudformation: Any, url: str, digest: str, *, exists: bool) -> None:
    change = cloudformation.update_stack if exists else cloudformation.create_stack
    tags = [{"Key": DIGEST_TAG, "Value": digest}]
    change(StackName=STACK, TemplateURL=url, Capabilities=["CAPABILITY_IAM"], Tags=tags)
    ends = time.monotonic() + DEADLINE_S
    while True:
        stack = _describe(cloudformation)
        status = stack["StackStatus"] if stack else "gone"
        if status in FINISHED:
            return
        if not status.endswith("_IN_PROGRESS") or time.monotonic() > ends:
            raise StackError(f"the stack is {status}:\n{_reasons(cloudformation)}")
        time.sleep(POLL_S)


def _reasons(cloudformation: Any) -> str:
    events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
    failed = [event for event in events if "FAILED" in event["ResourceStatus"]]
    lines = [f"    {event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ResourceStatusReason', '')}" for event in failed]
    return "\n".join(lines) or "    (no reasons given)"


def _set_time_to_live(emulator: Emulator, template: Template) -> None:
    dynamodb, cloudformation = emulator.client("dynamodb"), emulator.client("cloudformation")
    for logical_name, attribute in time_to_live(template).items():
        found = cloudformation.describe_stack_resource(StackName=STACK, LogicalResourceId=logical_name)
        table = found["StackResourceDetail"]["PhysicalResourceId"]
        now = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
        if now.get("TimeToLiveStatus") != "ENABLED":
            wanted = {"Enabled": True, "AttributeName": attribute}
            dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=wanted)


def _outputs(stack: dict[str, Any]) -> Outputs:
    values = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    return Outputs(
        api_id=values["ApiId"],
        table_name=values["TableName"],
        deliveries_table_name=values["DeliveriesTableName"],
        events_queue_url=values["EventsQueueUrl"],
        kms_key_id=values["KmsKeyId"],
        media_bucket=values["MediaBucket"],
        secret_id=values["SecretId"],
        deployment_tokens_function=values["DeploymentTokensFunction"],
        default_function=values["DefaultFunction"],
        listener_role_arn=values["ListenerRoleArn"],
    )
