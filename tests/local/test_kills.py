"""Nothing that dies takes anything with it: a start can end at any step, and what was answered is there after `kill -9`."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from local import deployment_secret, emulator, emulator_template, stack, state_secrets
from local.emulator import Emulator
from local.synth import local_template
from local.system import System, SystemPlan
from tests.support.stand_in_functions import plan_of

ITEM = {"pk": {"S": "kept"}, "sk": {"S": "kept"}, "blob": {"B": b"\x00\xff"}, "n": {"N": "1"}}
KEY = {"pk": ITEM["pk"], "sk": ITEM["sk"]}


def _begin_stack(found: Emulator, template: Path) -> None:
    """Ask for the stack, and do not wait for it."""
    stack._bootstrap(found)
    stack._upload(found, template)
    body = json.dumps(emulator_template.adapt(json.loads(template.read_text())), sort_keys=True)
    url = stack._put_template(found, body, "digest")
    found.client("cloudformation").create_stack(StackName=stack.STACK, TemplateURL=url, Capabilities=["CAPABILITY_IAM"])


def _upload(found: Emulator, template: Path) -> None:
    stack._bootstrap(found)
    stack._upload(found, template)


STEPS: list[Callable[[Emulator, Path], Any]] = [
    lambda found, template: None,
    lambda found, template: stack._bootstrap(found),
    _upload,
    _begin_stack,
    lambda found, template: stack.deploy(found, template),
    lambda found, template: deployment_secret.fill(found, stack.deploy(found, template), {}),
]


def _begun_and_killed(plan: SystemPlan, step: Callable[[Emulator, Path], Any], template: Path) -> None:
    """Take a start as far as this step, and kill the emulator."""
    found = emulator.locate(plan.state)
    launched = emulator.launch(found, plan.state)
    try:
        launched.wait(emulator.START_DEADLINE_S)
        step(found, template)
        os.kill(launched.process.pid, signal.SIGKILL)
    finally:
        launched.process.stop()


def test_a_first_start_can_be_killed_at_any_step(tmp_path: Path) -> None:
    """The next one begins anew where nothing was through, and nothing of the dead ones is in its way."""
    plan = plan_of(tmp_path)
    state_secrets.private_folder(plan.state)
    template = local_template({}, plan.sources)
    for step in STEPS:
        _begun_and_killed(plan, step, template)
    with System(plan) as system:
        assert system.admin_token


def test_what_was_answered_survives_a_kill(tmp_path: Path) -> None:
    """Items, messages with their order and their ids, and who holds a role: at once, in the first session, in the same and in the next."""
    plan = plan_of(tmp_path)
    with System(plan) as system:
        dynamodb, sqs = system.emulator.client("dynamodb"), system.emulator.client("sqs")
        table, queue = system.outputs.table_name, sqs.create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        system.emulator.settle()
        role = system.emulator.client("sts").assume_role(RoleArn=system.outputs.listener_role_arn, RoleSessionName="somebody")[
            "Credentials"
        ]
        for number in range(3):
            dynamodb.put_item(TableName=table, Item=ITEM | {"n": {"N": str(number)}})
            sqs.send_message(QueueUrl=queue, MessageBody=str(number), MessageGroupId="g", MessageDeduplicationId=str(number))
        dynamodb.put_item(TableName=table, Item=KEY | {"sk": {"S": "gone"}})
        dynamodb.delete_item(TableName=table, Key=KEY | {"sk": {"S": "gone"}})
        (taken,) = sqs.receive_message(QueueUrl=queue)["Messages"]
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=taken["ReceiptHandle"])
        sqs.receive_message(QueueUrl=queue)
        _kill_and_wait(system)
        _all_is_there(system.emulator, table, queue)
        assert _is_known(system.emulator, role)
    with emulator.running(plan.state) as found:
        _all_is_there(found, table, queue)


def _all_is_there(found: Emulator, table: str, queue: str) -> None:
    assert found.client("dynamodb").scan(TableName=table, FilterExpression="pk = :pk", ExpressionAttributeValues={":pk": ITEM["pk"]})[
        "Items"
    ] == [ITEM | {"n": {"N": "2"}}]
    sqs = found.client("sqs")
    repeated = {"QueueUrl": queue, "MessageBody": "0", "MessageGroupId": "g", "MessageDeduplicationId": "0"}
    sqs.send_message(**repeated)  # was taken within the last five minutes: dropped
    (first,) = sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0)["Messages"]
    assert first["Body"] == "1"
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    assert attributes["ApproximateNumberOfMessages"] == "2"


def _is_known(found: Emulator, role: dict[str, str]) -> bool:
    """Whether the emulator takes what a role that was assumed before is signed with."""
    client = emulator._session().client(
        "sts",
        endpoint_url=found.url,
        region_name=emulator.REGION,
        aws_access_key_id=role["AccessKeyId"],
        aws_secret_access_key=role["SecretAccessKey"],
        aws_session_token=role["SessionToken"],
    )
    return ":assumed-role/" in client.get_caller_identity()["Arn"]


def _kill_and_wait(system: System) -> None:
    """Kill the emulator and look after the system until it runs again."""
    old = system.parts[0].pid
    os.kill(old, signal.SIGKILL)
    said = list[str]()
    while not (said and said[-1].endswith("runs again")):
        system.look(said.append)
    assert "the AWS emulator ended (killed by signal 9)" in said[0]


def test_nothing_is_left_in_the_temporary_folder(tmp_path: Path) -> None:
    """Neither by a stop nor by a kill: each start unpacks every function there."""
    left = tmp_path / "emulator" / "tmp" / "function" / "library"
    left.mkdir(parents=True)
    found = emulator.locate(tmp_path)
    launched = emulator.launch(found, tmp_path, persist=False)
    launched.process.stop()
    assert not left.exists()
    with emulator.running(tmp_path, persist=False):
        left.mkdir(parents=True)
    assert not left.exists()


def test_a_start_waits_for_the_emulator_of_a_system_that_was_killed(tmp_path: Path) -> None:
    """It may still write, and holds the port that queue URLs name."""
    found = emulator.locate(tmp_path)
    launched = emulator.launch(found, tmp_path)
    with ThreadPoolExecutor(1) as pool:
        try:
            launched.wait(emulator.START_DEADLINE_S)
            waits = pool.submit(emulator.locate, tmp_path)
            assert not waits.done()
        finally:
            launched.process.stop()
        assert waits.result() == found
