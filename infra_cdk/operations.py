"""What an operator looks at: a few alarms and one dashboard. Both cost by the piece, so each must answer a question."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra_cdk.function import Function
from infra_cdk.queues import Queues

EVENT_AGE_LIMIT_S = 15 * 60
PERIOD = Duration.minutes(5)


class Operations(Construct):
    """Is anything lost, is anything stuck, does anything fail."""

    def __init__(
        self, scope: Construct, construct_id: str, *, queues: Queues, functions: Sequence[Function], api: apigateway.HttpApi
    ) -> None:
        super().__init__(scope, construct_id)
        dead = queues.dead.metric_approximate_number_of_messages_visible(period=PERIOD, statistic="max")
        age = queues.events.metric_approximate_age_of_oldest_message(period=PERIOD, statistic="max")
        errors = {function.node.id: function.handler.metric_errors(period=PERIOD) for function in functions}
        self._alarm("DeadEvents", dead, 1, "Events were received a thousand times and never dealt with.")
        self._alarm("OldEvents", age, EVENT_AGE_LIMIT_S, "The oldest event waits for 15 minutes: deliveries do not keep up.")
        for name, metric in errors.items():
            self._alarm(f"Errors-{name}", metric, 1, f"The function {name} raised; its log says what.")
        self._dashboard([("Dead events", [dead]), ("Age of the oldest event (s)", [age]), ("Errors", list(errors.values()))], api)

    def _alarm(self, name: str, metric: cloudwatch.Metric, threshold: int, description: str) -> None:
        metric.create_alarm(
            self,
            name,
            threshold=threshold,
            evaluation_periods=1,
            alarm_description=description,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )

    def _dashboard(self, graphs: list[tuple[str, list[cloudwatch.Metric]]], api: apigateway.HttpApi) -> None:
        requests = [api.metric_count(period=PERIOD), api.metric_client_error(period=PERIOD), api.metric_server_error(period=PERIOD)]
        latency = [api.metric_latency(period=PERIOD, statistic="p50"), api.metric_latency(period=PERIOD, statistic="p99")]
        rows = [("Requests", requests), ("Latency (ms)", latency), *graphs]
        dashboard = cloudwatch.Dashboard(self, "Dashboard")
        dashboard.add_widgets(*(cloudwatch.GraphWidget(title=title, left=list(metrics), width=8) for title, metrics in rows))
