"""The dashboard: is it healthy, who is hurting, what does it cost. And the queries of Logs Insights, saved and ready to run."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra_cdk.artifacts import CHANNELS
from infra_cdk.log_queries import HURTING, QUERIES, query
from infra_cdk.stack_metrics import FIVE_MINUTES, MINUTE, StackMetrics, delivery_metric, listener_metric

WIDTH, THIRD = 24, 8


class StackDashboard(Construct):
    """One dashboard, and a saved query for each of `QUERIES` over all logs of the stack."""

    def __init__(self, scope: Construct, construct_id: str, *, watched: StackMetrics, alarms: Sequence[cloudwatch.Alarm]) -> None:
        super().__init__(scope, construct_id)
        self._watched = watched
        self._logs = [*(function.log for function in watched.functions), watched.listener_log]
        dashboard = cloudwatch.Dashboard(self, "Page")
        dashboard.add_widgets(_title("Is it healthy?"))
        dashboard.add_widgets(cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(alarms), width=WIDTH, height=5))
        dashboard.add_widgets(*self._health())
        dashboard.add_widgets(_title("Who is hurting?"))
        dashboard.add_widgets(*self._hurting())
        dashboard.add_widgets(_title("What does it cost? What each part is paid by; prices differ by region."))
        dashboard.add_widgets(*self._costs())
        for name in QUERIES:
            logs.CfnQueryDefinition(
                self,
                name.title().replace(" ", ""),
                name=f"{Stack.of(self).stack_name}/{name}",
                query_string=query(name),
                log_group_names=[group.log_group_name for group in self._logs],
            )

    def _health(self) -> list[cloudwatch.GraphWidget]:
        api, queues = self._watched.api, self._watched.queues
        lags = [delivery_metric("DeliveryLag", "callback_delivery", statistic) for statistic in ("p50", "p99")]
        outcomes = [
            delivery_metric(name, "callback_delivery", "sum")
            for name in ("EventsDelivered", "AttemptsFailed", "EventsParked", "EventsDead")
        ]
        age = queues.events.metric_approximate_age_of_oldest_message(period=FIVE_MINUTES, statistic="max")
        dead = queues.dead.metric_approximate_number_of_messages_visible(period=FIVE_MINUTES, statistic="max")
        requests = [
            api.metric_count(period=FIVE_MINUTES),
            api.metric_client_error(period=FIVE_MINUTES),
            api.metric_server_error(period=FIVE_MINUTES),
        ]
        latency = [api.metric_latency(period=FIVE_MINUTES, statistic=statistic) for statistic in ("p50", "p99")]
        return [
            *(graph for channel in CHANNELS for graph in _listener_graphs(channel)),
            _graph("Requests", requests),
            _graph("Latency (ms)", latency),
            _graph("Deliveries", outcomes),
            _graph("From the listener to the receiver (ms)", lags),
            _graph("Age of the oldest event (s), dead events", [age, dead]),
            _graph("The sweeper is late (s)", [delivery_metric("SweepLag", "sweeper", "max")]),
            _graph("Errors", [function.handler.metric_errors(period=FIVE_MINUTES) for function in self._watched.functions]),
            _graph("Throttled by DynamoDB", [metric.with_(label=name) for name, metric in self._watched.throttles.items()]),
        ]

    def _hurting(self) -> list[cloudwatch.LogQueryWidget]:
        names = [group.log_group_name for group in self._logs]
        return [
            cloudwatch.LogQueryWidget(title=name.capitalize(), log_group_names=names, query_string=query(name), width=THIRD, height=8)
            for name in HURTING
        ]

    def _costs(self) -> list[cloudwatch.GraphWidget]:
        functions, data, queues = self._watched.functions, self._watched.data, self._watched.queues
        tables = (data.state, data.deliveries)
        written = [
            cloudwatch.Metric(
                namespace="AWS/Logs",
                metric_name="IncomingBytes",
                dimensions_map={"LogGroupName": group.log_group_name},
                statistic="sum",
                period=FIVE_MINUTES,
            )
            for group in self._logs
        ]
        return [
            _graph("Lambda: runs", [one.handler.metric_invocations(period=FIVE_MINUTES) for one in functions]),
            _graph(
                "Lambda: time (ms, each at 1 GB)", [one.handler.metric_duration(period=FIVE_MINUTES, statistic="sum") for one in functions]
            ),
            _graph("DynamoDB: read units", [table.metric_consumed_read_capacity_units(period=FIVE_MINUTES) for table in tables]),
            _graph("DynamoDB: write units", [table.metric_consumed_write_capacity_units(period=FIVE_MINUTES) for table in tables]),
            _graph("SQS: messages sent", [queues.events.metric_number_of_messages_sent(period=FIVE_MINUTES)]),
            _graph("Logs: bytes", written),
        ]


def _listener_graphs(channel: str) -> list[cloudwatch.GraphWidget]:
    workers = listener_metric("AccountsHeld", channel, "n", MINUTE)
    accounts = [listener_metric(name, channel, "sum", MINUTE) for name in ("AccountsHeld", "AccountsServed", "AccountsConnected")]
    events = [listener_metric(name, channel, "sum", MINUTE) for name in ("EventsQueued", "EventsRefused", "Sends")]
    waits = [listener_metric("LedgerDepth", channel, "max", MINUTE), listener_metric("FloodWait", channel, "sum", MINUTE)]
    return [
        _graph(f"Listeners, {channel}", [workers]),
        _graph(f"Accounts at listeners, {channel}", accounts),
        _graph(f"Events and sends, {channel}", events),
        _graph(f"Events that wait, and FLOOD_WAIT (s), {channel}", waits),
    ]


def _title(text: str) -> cloudwatch.TextWidget:
    return cloudwatch.TextWidget(markdown=f"# {text}", width=WIDTH, height=1)


def _graph(title: str, metrics: Sequence[cloudwatch.IMetric]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=THIRD)
