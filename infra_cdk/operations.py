"""The alarms and the dashboard for operators. Each alarm costs money, so each must answer a question."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra_cdk.artifacts import CHANNELS
from infra_cdk.function import Function
from infra_cdk.listener import listener_metric
from infra_cdk.queues import Queues

EVENT_AGE_LIMIT_S = 15 * 60
LEDGER_DEPTH_LIMIT = 1000
DOWN_LIMIT_PERCENT = 50
PERIOD = Duration.minutes(5)
MINUTE = Duration.minutes(1)
FIVE_IN_A_ROW = 5


class Operations(Construct):
    """Alarms for lost events, for work that stands still, and for failures."""

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
        for channel in CHANNELS:
            self._watch_listener(channel)
        graphs = [("Dead events", [dead]), ("Age of the oldest event (s)", [age]), ("Errors", list(errors.values()))]
        self._dashboard([*graphs, *(graph for channel in CHANNELS for graph in _listener_graphs(channel))], api)

    def _watch_listener(self, channel: str) -> None:
        written = listener_metric("AccountsHeld", channel, "n", PERIOD)
        lapses = listener_metric("Lapses", channel, "sum", PERIOD)
        refused = listener_metric("EventsRefused", channel, "sum", MINUTE)
        depth = listener_metric("LedgerDepth", channel, "max", MINUTE)
        down = listener_metric("AccountsDown", channel, "max", MINUTE)
        self._alarm(f"ListenerSilent-{channel}", written, 1, "No listener runs: nothing is received and nothing can be sent.", below=True)
        self._alarm(f"Lapses-{channel}", lapses, 1, "A listener could not renew its lease in time, and its accounts were cut off.")
        for name, metric, threshold, description in (
            ("EventsRefused", refused, 1, "The queue, or the table of peers, refuses events: they wait at the listener."),
            ("LedgerDepth", depth, LEDGER_DEPTH_LIMIT, "Events wait at a listener: the queue does not keep up."),
            (
                "AccountsDown",
                down,
                DOWN_LIMIT_PERCENT,
                "Half of a listener's accounts are not connected: the messenger may be out of reach.",
            ),
        ):
            self._alarm(f"{name}-{channel}", metric, threshold, description, periods=FIVE_IN_A_ROW)

    def _alarm(
        self,
        name: str,
        metric: cloudwatch.Metric,
        threshold: int,
        description: str,
        *,
        periods: int = 1,
        below: bool = False,
    ) -> None:
        """Add an alarm at or above a threshold. With `below` it is under the threshold, and missing data is an alarm too."""
        compared, missing = cloudwatch.ComparisonOperator, cloudwatch.TreatMissingData
        metric.create_alarm(
            self,
            name,
            threshold=threshold,
            evaluation_periods=periods,
            alarm_description=description,
            comparison_operator=compared.LESS_THAN_THRESHOLD if below else compared.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=missing.BREACHING if below else missing.NOT_BREACHING,
        )

    def _dashboard(self, graphs: list[tuple[str, list[cloudwatch.Metric]]], api: apigateway.HttpApi) -> None:
        requests = [api.metric_count(period=PERIOD), api.metric_client_error(period=PERIOD), api.metric_server_error(period=PERIOD)]
        latency = [api.metric_latency(period=PERIOD, statistic="p50"), api.metric_latency(period=PERIOD, statistic="p99")]
        rows = [("Requests", requests), ("Latency (ms)", latency), *graphs]
        dashboard = cloudwatch.Dashboard(self, "Dashboard")
        dashboard.add_widgets(*(cloudwatch.GraphWidget(title=title, left=list(metrics), width=8) for title, metrics in rows))


def _listener_graphs(channel: str) -> list[tuple[str, list[cloudwatch.Metric]]]:
    accounts = [listener_metric(name, channel, "sum", MINUTE) for name in ("AccountsHeld", "AccountsServed", "AccountsConnected")]
    events = [listener_metric(name, channel, "sum", MINUTE) for name in ("EventsQueued", "EventsRefused", "Sends")]
    waits = [listener_metric("LedgerDepth", channel, "max", MINUTE), listener_metric("FloodWait", channel, "sum", MINUTE)]
    return [
        (f"Accounts at listeners, {channel}", accounts),
        (f"Events and sends, {channel}", events),
        (f"Events that wait, and FLOOD_WAIT (s), {channel}", waits),
    ]
