"""AWS clients, with time-outs short enough for a request that a caller waits for.

They are botocore's: importing boto3 as well would take a tenth of a function's cold start, and nothing else of it is used.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache, wraps
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.config import Config
from botocore.exceptions import NoCredentialsError
from botocore.session import Session

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


@cache
def _session() -> Session:
    return Session()


def _client(service: str, config: Config) -> Any:
    return _session().create_client(service, config=config)


def _once(make: Callable[[], T]) -> Callable[[], T]:
    """Make a client on the first call, and only once: a session is not safe for several threads.

    https://boto3.amazonaws.com/v1/documentation/api/latest/guide/session.html#multithreading-or-multiprocessing-with-sessions
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
    client: DynamoDBClient = _client("dynamodb", _PATIENT)
    return client


def dynamodb_once() -> DynamoDBClient:
    """Return a DynamoDB client for beats. It does not retry, and gives up after 3 s."""
    client: DynamoDBClient = _client("dynamodb", _ONCE)
    return client


def sqs() -> SQSClient:
    """Return an SQS client."""
    client: SQSClient = _client("sqs", _PATIENT)
    return client


def credentials() -> Credentials:
    """Return the credentials that this process's clients sign with; raises NoCredentialsError if there are none."""
    found: Credentials | None = _session().get_credentials()
    if found is None:
        raise NoCredentialsError
    return found


@_once
def kms() -> KMSClient:
    """Return the KMS client. It is made on the first call, because most cold starts do not need it."""
    client: KMSClient = _client("kms", _PATIENT)
    return client


@_once
def s3() -> S3Client:
    """Return the S3 client. It signs addresses by version 4, which every region understands."""
    client: S3Client = _client("s3", _PATIENT.merge(Config(signature_version="s3v4")))
    return client


def secretsmanager() -> SecretsManagerClient:
    """Return a Secrets Manager client."""
    client: SecretsManagerClient = _client("secretsmanager", _PATIENT)
    return client


@_once
def functions() -> LambdaClient:
    """Return the Lambda client. A call waits for the function's answer (25 s at most) and is never repeated."""
    client: LambdaClient = _client("lambda", _WAITING)
    return client
