"""The least that an HTTP function needs, without our code: FastAPI, Mangum, and a DynamoDB client made like ours."""

from __future__ import annotations

import boto3
from botocore.config import Config
from fastapi import FastAPI
from mangum import Mangum

client = boto3.client("dynamodb", config=Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}))
handler = Mangum(FastAPI(openapi_url=None), lifespan="off")
