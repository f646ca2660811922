"""What is watched, and the metrics that it has: those that the code writes itself, and AWS's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_logs as logs

from infra_cdk.data import DUE_INDEX, OWNER_INDEX, STATUS_INDEX, Data
from infra_cdk.function import Function
from infra_cdk.queues import Queues

FIVE_MINUTES = Duration.minutes(5)
MINUTE = Duration.minutes(1)


@dataclass(frozen=True)
class StackMetrics:
    """The parts of a stack that alarms and the dashboard are about."""

    data: Data
    queues: Queues
    functions: Sequence[Function]
    api: apigateway.HttpApi
    listener_log: logs.LogGroup

    def function(self, name: str) -> Function:
        """Return functions/<name>."""
        return next(function for function in self.functions if function.node.id == name)

    @property
    def throttles(self) -> dict[str, cloudwatch.Metric]:
        """The counts of requests that DynamoDB has throttled, by table or index and by kind."""
        state, deliveries = self.data.state, self.data.deliveries
        found = {
            f"{kind}s-{name}": _throttled(table, kind)
            for name, table in (("avio", state), ("deliveries", deliveries))
            for kind in ("Read", "Write")
        }
        indexes = ((state, OWNER_INDEX), (deliveries, STATUS_INDEX), (deliveries, DUE_INDEX))
        return found | {f"Writes-{index}": _throttled(table, "Write", index) for table, index in indexes}


def listener_metric(name: str, channel: str, statistic: str, period: Duration) -> cloudwatch.Metric:
    """Return a metric of the listeners. Each listener writes it once a minute, so the sum over a minute is that of all listeners."""
    return _own(name, {"service": "listener", "channel": channel}, statistic, period)


def delivery_metric(name: str, service: str, statistic: str, period: Duration = FIVE_MINUTES) -> cloudwatch.Metric:
    """Return a metric that functions/callback_delivery or functions/sweeper writes after a run."""
    return _own(name, {"service": service}, statistic, period)


def _own(name: str, dimensions: dict[str, str], statistic: str, period: Duration) -> cloudwatch.Metric:
    return cloudwatch.Metric(namespace="Avio", metric_name=name, dimensions_map=dimensions, statistic=statistic, period=period)


def _throttled(table: dynamodb.Table, kind: str, index: str | None = None) -> cloudwatch.Metric:
    dimensions = {"TableName": table.table_name} | ({"GlobalSecondaryIndexName": index} if index else {})
    return cloudwatch.Metric(
        namespace="AWS/DynamoDB",
        metric_name=f"{kind}ThrottleEvents",
        dimensions_map=dimensions,
        statistic="sum",
        period=FIVE_MINUTES,
    )
