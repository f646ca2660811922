"""What an HTTP function cannot do without, and nothing of ours: FastAPI, Mangum, and a DynamoDB client made as ours are made."""

from __future__ import annotations

import boto3
from botocore.config import Config
from fastapi import FastAPI
from mangum import Mangum

client = boto3.client("dynamodb", config=Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}))
handler = Mangum(FastAPI(openapi_url=None), lifespan="off")
