"""Runs the listener as a process of this machine, with the rights of its AWS role."""

from __future__ import annotations

import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from local import own_ports, state_secrets
from local.child_process import ChildProcess, LaunchedProcess, bare_environment, free_port
from local.emulator import REGION, Emulator
from local.stack import Outputs

START_DEADLINE_S = 120
# Longer than a hand-over takes, and shorter than Fargate's 120 s, because a person waits.
STOP_TIMEOUT_S = 30


def launch(
    emulator: Emulator,
    outputs: Outputs,
    telegram: Mapping[str, str],
    state: Path,
    *,
    name: str = "listener",
    log_level: str = "INFO",
    again: bool = False,
) -> LaunchedProcess:
    """Start a listener. `name` is also that of its log. `telegram`: the settings that choose between test server and real Telegram."""
    port = free_port()
    own_ports.add(state, port)
    environment = {
        **bare_environment(),
        **telegram,
        **role_environment(emulator, outputs, state),
        "TABLE_NAME": outputs.table_name,
        "DELIVERIES_TABLE_NAME": outputs.deliveries_table_name,
        "EVENTS_QUEUE_URL": outputs.events_queue_url,
        "KMS_KEY_ID": outputs.kms_key_id,
        "MEDIA_BUCKET": outputs.media_bucket,
        "ALLOW_HTTP_CALLBACKS": "1",
        "ALLOW_PRIVATE_CALLBACKS": "1",
        "OWN_PORTS_FILE": str(own_ports.file_in(state)),
        "LISTENER_HOST": "127.0.0.1",
        "LISTENER_PORT": str(port),
        "POWERTOOLS_SERVICE_NAME": "listener",
        "POWERTOOLS_LOG_LEVEL": log_level,
    }
    log = state / "logs" / f"{name}.log"
    process = ChildProcess(f"the {name}", [sys.executable, "-m", "listener"], environment, log, STOP_TIMEOUT_S, again=again)
    return LaunchedProcess(process, lambda: answers_health(port))


def answers_health(port: int) -> bool:
    """Tell whether `GET /health` is answered with 200. The certificate is not checked: the worker makes its own."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with urllib.request.urlopen(f"https://127.0.0.1:{port}/health", timeout=2, context=context) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def role_environment(emulator: Emulator, outputs: Outputs, state: Path) -> dict[str, str]:
    """Return the settings with which boto3 assumes the listener's role, and renews it before it expires."""
    folder = state / "aws"
    folder.mkdir(parents=True, exist_ok=True)
    role = f"[profile listener]\nrole_arn = {outputs.listener_role_arn}\nsource_profile = root\nregion = {REGION}\n"
    (folder / "config").write_text(role)
    with state_secrets.private_file(folder / "credentials") as credentials:
        credentials.write(f"[root]\naws_access_key_id = {emulator.account}\naws_secret_access_key = {emulator.secret}\n")
    return {
        "AWS_ENDPOINT_URL": emulator.url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_PROFILE": "listener",
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
