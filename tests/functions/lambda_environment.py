"""The environment variables that every function reads when Lambda loads it."""

from __future__ import annotations

import os

ENVIRONMENT = {
    "PATH": os.defpath,
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "AWS_LAMBDA_FUNCTION_NAME": "x",
    "POWERTOOLS_SERVICE_NAME": "x",
    "TABLE_NAME": "avio",
    "DELIVERIES_TABLE_NAME": "deliveries",
    "EVENTS_QUEUE_URL": "https://sqs.example/events.fifo",
    "DEAD_EVENTS_QUEUE_URL": "https://sqs.example/dead-events.fifo",
    "MEDIA_BUCKET": "media",
    "KMS_KEY_ID": "x",
    "SECRET_ID": "x",
    "DELIVERY_FUNCTION": "x",
    "SWEEPER_FUNCTION": "x",
}
