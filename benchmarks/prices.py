"""The cost of deliveries on AWS, by the list prices of us-east-1 (on demand, first tier, no free tier) of November 2026.

https://aws.amazon.com/lambda/pricing/ (arm64)      https://aws.amazon.com/sqs/pricing/ (FIFO)
https://aws.amazon.com/dynamodb/pricing/on-demand/  https://aws.amazon.com/cloudwatch/pricing/ (logs)

Not in it: data that leaves AWS, what is stored, log-in data (KMS, Secrets Manager: once per tenant and function), the listener's part.
"""

from __future__ import annotations

from dataclasses import dataclass

MILLION = 1_000_000
LAMBDA_REQUESTS = 0.20 / MILLION
LAMBDA_GB_S = 0.0000133334
SQS_FIFO_REQUESTS = 0.50 / MILLION
DYNAMODB_WRITES = 0.625 / MILLION
DYNAMODB_READS = 0.125 / MILLION
LOGS_GB = 0.50
MEMORY_GB = 1.0
"""infra_cdk/function.py: MEMORY_MB."""
PLATFORM_LOG_BYTES = 300
"""The log that Lambda writes for each run: START, END and REPORT."""


@dataclass(frozen=True)
class UsagePerEvents:
    """The resources that a number of events took."""

    events: int
    runs: int
    billed_ms: int
    queue_requests: int
    read_units: float
    write_units: float
    log_bytes: int


def per_million(used: UsagePerEvents) -> dict[str, float]:
    """Return USD for a million events, by what it is for."""
    each = MILLION / used.events
    return {
        "Lambda runs": used.runs * LAMBDA_REQUESTS * each,
        "Lambda time": used.billed_ms / 1000 * MEMORY_GB * LAMBDA_GB_S * each,
        "SQS": used.queue_requests * SQS_FIFO_REQUESTS * each,
        "DynamoDB writes": used.write_units * DYNAMODB_WRITES * each,
        "DynamoDB reads": used.read_units * DYNAMODB_READS * each,
        "logs": (used.log_bytes + used.runs * PLATFORM_LOG_BYTES) / 1e9 * LOGS_GB * each,
    }
