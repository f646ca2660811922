"""AWS clients, with time-outs short enough for a request that a caller waits for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import NoCredentialsError

if TYPE_CHECKING:
    from botocore.credentials import Credentials
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_kms import KMSClient
    from types_boto3_lambda import LambdaClient
    from types_boto3_s3 import S3Client
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_sqs import SQSClient

T = TypeVar("T")
_making = threading.Lock()
_PATIENT = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}, max_pool_connections=32)
_ONCE = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 1})
_WAITING = Config(connect_timeout=2, read_timeout=25, retries={"mode": "standard", "total_max_attempts": 1})


def _once(make: Callable[[], T]) -> Callable[[], T]:
    """Make a client on the first call, and only once: boto3's default session is not safe for several threads.

    https://boto3.amazonaws.com/v1/documentation/api/latest/guide/clients.html
    """
    made: list[T] = []

    @wraps(make)
    def client() -> T:
        with _making:
            if not made:
                made.append(make())
            return made[0]

    return client


def dynamodb() -> DynamoDBClient:
    """Return a DynamoDB client."""
    return boto3.client("dynamodb", config=_PATIENT)


def dynamodb_once() -> DynamoDBClient:
    """Return a DynamoDB client for beats. It does not retry, and gives up after 3 s."""
    return boto3.client("dynamodb", config=_ONCE)


def sqs() -> SQSClient:
    """Return an SQS client."""
    return boto3.client("sqs", config=_PATIENT)


def credentials() -> Credentials:
    """Return the credentials that this process's clients sign with; raises NoCredentialsError if there are none."""
    found = boto3.DEFAULT_SESSION.get_credentials() if boto3.DEFAULT_SESSION else boto3.Session().get_credentials()
    if found is None:
        raise NoCredentialsError
    return found


@_once
def kms() -> KMSClient:
    """Return the KMS client. It is made on the first call, because most cold starts do not need it."""
    return boto3.client("kms", config=_PATIENT)


@_once
def s3() -> S3Client:
    """Return the S3 client. It signs addresses by version 4, which every region understands."""
    return boto3.client("s3", config=_PATIENT.merge(Config(signature_version="s3v4")))


def secretsmanager() -> SecretsManagerClient:
    """Return a Secrets Manager client."""
    return boto3.client("secretsmanager", config=_PATIENT)


@_once
def functions() -> LambdaClient:
    """Return the Lambda client. A call waits for the function's answer (25 s at most) and is never repeated."""
    return boto3.client("lambda", config=_WAITING)
