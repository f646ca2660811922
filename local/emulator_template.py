"""Every change that the template needs to run on the emulator, in one place, each with its reason.

    left out     what the emulator refuses or would try in vain, and what this machine does by itself (the listener is a process)
    relaxed      what cannot hold without TLS, or is not evaluated there
    reworded     what CloudFormation understands in two ways and the emulator in one
    added        a fixed id for the API, so that its address survives a new stack

Everything else (API, functions, layers, roles, tables, queues, key, mapping, schedule) is used as it is deployed.
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
    "AWS::SQS::QueuePolicy": "it denies plain HTTP, and the emulator has no TLS",
}


def adapt(template: Template) -> Template:
    """Answer a copy of `template` that the emulator takes. Pure; knows nothing of files or processes."""
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
    """A resource must not wait for one that was left out."""
    wanted = resource.get("DependsOn")
    if wanted is None:
        return
    names = [wanted] if isinstance(wanted, str) else wanted
    resource["DependsOn"] = [name for name in names if name in kept]


def _drop_encryption_context_conditions(resource: Template) -> None:
    """The emulator does not know `kms:EncryptionContext:...`, so a statement with it would allow nothing.

    What is lost: that one purpose's key is refused to the other's function is not proven here, only that the template says it.
    """
    if resource["Type"] != "AWS::IAM::Policy":
        return
    for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
        condition = statement.get("Condition", {})
        if any(key.startswith("kms:EncryptionContext:") for keys in condition.values() for key in keys):
            del statement["Condition"]


_IN_BATCHES = ("sqs:SendMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility")


def _spell_out_batches(resource: Template) -> None:
    """On AWS the permission for one message is the one for a batch; the emulator asks for an action of the batch's own name."""
    if resource["Type"] != "AWS::IAM::Policy":
        return
    for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
        actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        batches = [f"{action}Batch" for action in actions if action in _IN_BATCHES]
        if batches:
            statement["Action"] = [*actions, *batches]


def _name_secrets_by_arn(value: Any, secrets: set[str]) -> Any:
    """`Ref` of a secret is its ARN on AWS and its name here, where a role that names the ARN then fails; `Id` is the ARN on both."""
    if isinstance(value, list):
        return [_name_secrets_by_arn(item, secrets) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Ref"} and value["Ref"] in secrets:
        return {"Fn::GetAtt": [value["Ref"], "Id"]}
    return {key: _name_secrets_by_arn(item, secrets) for key, item in value.items()}


def _pin_api_id(resource: Template) -> None:
    """The tag by which the emulator lets a caller choose the id of an API."""
    if resource["Type"] == "AWS::ApiGatewayV2::Api":
        resource["Properties"].setdefault("Tags", {})["ms-custom-id"] = API_ID


def time_to_live(template: Template) -> dict[str, str]:
    """Logical name of each table and its TTL attribute: the emulator ignores it in a template, it has to be set afterwards."""
    return {
        name: resource["Properties"]["TimeToLiveSpecification"]["AttributeName"]
        for name, resource in template["Resources"].items()
        if "TimeToLiveSpecification" in resource.get("Properties", {})
    }
