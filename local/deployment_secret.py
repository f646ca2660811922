"""The deployment's secret on this machine: what the person set, and an admin token that stays the same from one start to the next."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping

from infra_cdk.secret_keys import FILLED_IN, GENERATED
from local.child_process import StartError
from local.emulator import Emulator
from local.stack import Outputs

PLAIN = re.compile(r"[\w.~-]+", re.ASCII)


def fill(emulator: Emulator, outputs: Outputs, environ: Mapping[str, str]) -> dict[str, str]:
    """Make the secret what `environ` says; without an ADMIN_TOKEN there the one of last time stays. Answers the whole.

    The emulator generates an admin token with quotes and dollar signs in it, whatever the template says; a shell would eat it, so that one
    is replaced.
    """
    client = emulator.client("secretsmanager")
    before: dict[str, str] = json.loads(client.get_secret_value(SecretId=outputs.secret_id)["SecretString"])
    generated = before[GENERATED] if PLAIN.fullmatch(before[GENERATED]) else secrets.token_hex(24)
    after = {name: environ.get(name, "") for name in FILLED_IN}
    after[GENERATED] = environ.get(GENERATED) or generated
    if after != before:
        client.put_secret_value(SecretId=outputs.secret_id, SecretString=json.dumps(after))
    return after


def publish(emulator: Emulator, outputs: Outputs) -> None:
    """Have functions/deployment_tokens write the tokens' digests now; its schedule would do so within minutes. Raises `StartError`."""
    answer = emulator.client("lambda").invoke(FunctionName=outputs.deployment_tokens_function)
    if answer.get("FunctionError"):
        raise StartError(f"functions/deployment_tokens failed: {answer['Payload'].read().decode()}")
