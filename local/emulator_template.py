"""The changes that the template needs for the emulator, each with its reason.

    left out     resources that the emulator refuses or cannot run, and those that this machine replaces (the listener is a process)
    relaxed      conditions that need TLS, or that the emulator does not evaluate
    reworded     expressions that CloudFormation accepts in two forms and the emulator in one
    added        a fixed id for the API, so that its address survives a new stack

All else (API, functions, layers, roles, tables, queues, key, mapping, schedule) is as deployed.
"""

from __future__ import annotations

import copy
from typing import Any, cast

API_ID = "avio"

Template = dict[str, Any]

LEFT_OUT = {
    "AWS::EC2::SecurityGroupIngress": "unknown to the emulator, which refuses the whole template for it; nothing filters packets there",
    "AWS::ECS::Service": "the listener runs as a process of this machine; the emulator would look for Docker",
    "AWS::ECS::TaskDefinition": "as the service",
    "AWS::ECS::Cluster": "as the service",
    "AWS::Logs::QueryDefinition": "unknown to the emulator, which has no Logs Insights",
    "AWS::S3::BucketPolicy": "it denies plain HTTP, and the emulator has no TLS",
    "AWS::SNS::TopicPolicy": "it denies plain HTTP, as the queues' policies",
    "AWS::SQS::QueuePolicy": "it denies plain HTTP, and the emulator has no TLS",
}


def adapt(template: Template) -> Template:
    """Return a copy of `template` that the emulator accepts."""
    result = copy.deepcopy(template)
    resources = {name: resource for name, resource in result["Resources"].items() if resource["Type"] not in LEFT_OUT}
    for resource in resources.values():
        _drop_dependencies(resource, resources)
        _drop_encryption_context_conditions(resource)
        _spell_out_batches(resource)
        _pin_api_id(resource)
    result["Resources"] = resources
    secrets = {name for name, resource in resources.items() if resource["Type"] == "AWS::SecretsManager::Secret"}
    return cast("Template", _name_secrets_by_arn(result, secrets))


def _drop_dependencies(resource: Template, kept: Template) -> None:
    """Remove dependencies on resources that were left out."""
    wanted = resource.get("DependsOn")
    if wanted is None:
        return
    names = [wanted] if isinstance(wanted, str) else wanted
    resource["DependsOn"] = [name for name in names if name in kept]


def _drop_encryption_context_conditions(resource: Template) -> None:
    """Remove conditions on `kms:EncryptionContext:...`. The emulator does not know them, so that such statements would allow nothing.

    Because of this, a local system cannot show that a function is refused another purpose's key. Tests check the template for it.
    """
    if resource["Type"] != "AWS::IAM::Policy":
        return
    for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
        condition = statement.get("Condition", {})
        if any(key.startswith("kms:EncryptionContext:") for keys in condition.values() for key in keys):
            del statement["Condition"]


_IN_BATCHES = ("sqs:SendMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility")


def _spell_out_batches(resource: Template) -> None:
    """Add the batch's own action to permissions: on AWS the action for a single message includes batches, on the emulator it does not."""
    if resource["Type"] != "AWS::IAM::Policy":
        return
    for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
        actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        batches = [f"{action}Batch" for action in actions if action in _IN_BATCHES]
        if batches:
            statement["Action"] = [*actions, *batches]


def _name_secrets_by_arn(value: Any, secrets: set[str]) -> Any:
    """Replace `Ref` of secrets by `Id`, which is the ARN on both. On the emulator `Ref` is the name, which does not match a role's ARN."""
    if isinstance(value, list):
        return [_name_secrets_by_arn(item, secrets) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Ref"} and value["Ref"] in secrets:
        return {"Fn::GetAtt": [value["Ref"], "Id"]}
    return {key: _name_secrets_by_arn(item, secrets) for key, item in value.items()}


def _pin_api_id(resource: Template) -> None:
    """Set the tag that gives an API its id on the emulator."""
    if resource["Type"] == "AWS::ApiGatewayV2::Api":
        resource["Properties"].setdefault("Tags", {})["ms-custom-id"] = API_ID


def time_to_live(template: Template) -> dict[str, str]:
    """Return the TTL attribute of each table, by logical name. The emulator ignores it in templates, so it is set afterwards."""
    return {
        name: resource["Properties"]["TimeToLiveSpecification"]["AttributeName"]
        for name, resource in template["Resources"].items()
        if "TimeToLiveSpecification" in resource.get("Properties", {})
    }
