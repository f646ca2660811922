"""A system whose functions are stand-ins: it starts quickly, and they show what reaches them."""

from __future__ import annotations

from pathlib import Path

from infra_cdk.artifacts import FUNCTIONS
from local.bootstrap import ROOT
from local.system import SystemPlan

HTTP = """
import json, os
import fastapi
def handler(event, context):
    seen = {"function": os.environ["POWERTOOLS_SERVICE_NAME"], "path": event["rawPath"], "version": VERSION}
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(seen)}
"""
TOKENS = """
import json, os
from botocore.session import Session
client = Session().create_client
def handler(event, context):
    secret = client("secretsmanager").get_secret_value(SecretId=os.environ["SECRET_ID"])["SecretString"]
    item = {"pk": {"S": "tokens"}, "sk": {"S": "tokens"}, "names": {"SS": sorted(json.loads(secret))}}
    client("dynamodb").put_item(TableName=os.environ["TABLE_NAME"], Item=item)
    return {"ok": True}
"""
DELIVERY = """
import os
from botocore.session import Session
client = Session().create_client
def handler(event, context):
    for record in event["Records"]:
        item = {"pk": {"S": "delivered"}, "sk": {"S": record["body"]}}
        client("dynamodb").put_item(TableName=os.environ["DELIVERIES_TABLE_NAME"], Item=item)
    try:
        client("kms").generate_data_key(KeyId=os.environ["KMS_KEY_ID"], KeySpec="AES_256")
    except Exception as error:
        item = {"pk": {"S": "refused"}, "sk": {"S": type(error).__name__}}
        client("dynamodb").put_item(TableName=os.environ["DELIVERIES_TABLE_NAME"], Item=item)
    return {"batchItemFailures": []}
"""


def write_sources(root: Path, version: int = 1) -> Path:
    """A tree with the real locks and stand-ins for all code."""
    codes = {"deployment_tokens": TOKENS, "callback_delivery": DELIVERY}
    for name in FUNCTIONS:
        folder = root / "functions" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "handler.py").write_text(f"VERSION = {version}\n" + codes.get(name, HTTP))
    for name in ("functions/__init__.py", "functions/http/__init__.py", "shared/__init__.py", "listener/__init__.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
    (root / "listener" / "Dockerfile").write_text((ROOT / "listener" / "Dockerfile").read_text())
    if not (root / "locks").exists():
        (root / "locks").symlink_to(ROOT / "locks")
    return root


def plan_of(tmp: Path) -> SystemPlan:
    """Such a system's plan, with its state and sources in a folder."""
    return SystemPlan(tmp / "state", telegram=False, listener=False, sources=write_sources(tmp / "sources"))
