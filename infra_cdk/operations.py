"""The alarms, and the topic that tells somebody. Each alarm costs money, so each must answer a question.

docs/operations.md says for each alarm what it means and what to do.
"""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra_cdk.artifacts import CHANNELS
from infra_cdk.settings import StackSettings
from infra_cdk.stack_metrics import FIVE_MINUTES, MINUTE, StackMetrics, delivery_metric, listener_metric

EVENT_AGE_LIMIT_S = 15 * 60
LEDGER_DEPTH_LIMIT = 1000
DOWN_LIMIT_PERCENT = 50
LAG_LIMIT_MS = 60_000
LATE_LIMIT_S = 120
PARKED_LIMIT = 100
SERVER_ERRORS_LIMIT = 5
FIVE_IN_A_ROW = 5
THREE_IN_A_ROW = 3


class Operations(Construct):
    """Alarms for what is lost, for work that stands still or is late, and for failures. `alarms` has them all."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: StackSettings, watched: StackMetrics) -> None:
        super().__init__(scope, construct_id)
        self.alarms: list[cloudwatch.Alarm] = []
        self._watched = watched
        self._topic = self._told(settings)
        self._watch_queues()
        self._watch_functions()
        self._watch_deliveries()
        for channel in CHANNELS:
            self._watch_listener(channel)

    def _told(self, settings: StackSettings) -> sns.Topic:
        """Add the topic. Alarms may publish to it, and ALARM_EMAIL gets what they say once its owner has confirmed that by e-mail."""
        topic = sns.Topic(self, "Alarms", display_name="Avio alarms", enforce_ssl=True)
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccount",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )
        if settings.alarm_email:
            topic.add_subscription(subscriptions.EmailSubscription(settings.alarm_email))
        return topic

    def _watch_queues(self) -> None:
        queues = self._watched.queues
        dead = queues.dead.metric_approximate_number_of_messages_visible(period=FIVE_MINUTES, statistic="max")
        age = queues.events.metric_approximate_age_of_oldest_message(period=FIVE_MINUTES, statistic="max")
        self._alarm("DeadEvents", dead, 1, "Events were received a thousand times and never dealt with.")
        self._alarm("OldEvents", age, EVENT_AGE_LIMIT_S, "The oldest event waits for 15 minutes: deliveries do not keep up.")

    def _watch_functions(self) -> None:
        for function in self._watched.functions:
            name = function.node.id
            errors = function.handler.metric_errors(period=FIVE_MINUTES)
            self._alarm(f"Errors-{name}", errors, 1, f"The function {name} raised; its log says what.")
        failed = self._watched.api.metric_server_error(period=FIVE_MINUTES, statistic="sum")
        self._alarm("ServerErrors", failed, SERVER_ERRORS_LIMIT, "The API answers with 5xx.", periods=2)
        for name, throttled in self._watched.throttles.items():
            self._alarm(f"Throttled{name}", throttled, 1, "DynamoDB throttles requests.", periods=2)

    def _watch_deliveries(self) -> None:
        lag = delivery_metric("DeliveryLag", "callback_delivery", "p99")
        parked = delivery_metric("EventsParked", "callback_delivery", "sum")
        late = delivery_metric("SweepLag", "sweeper", "max")
        runs = self._watched.function("sweeper").handler.metric_invocations(period=FIVE_MINUTES, statistic="sum")
        self._alarm("DeliveryLag", lag, LAG_LIMIT_MS, "One event in a hundred takes a minute to its receiver.", periods=THREE_IN_A_ROW)
        self._alarm("EventsParked", parked, PARKED_LIMIT, "Callbacks do not take their events, which are parked.")
        for service in ("callback_delivery", "sweeper"):
            dead = delivery_metric("EventsDead", service, "sum")
            self._alarm(f"EventsDead-{service}", dead, 1, "Events were given up: their tenants do not get them unless they are replayed.")
        self._alarm("StandsStill", runs, 1, "The sweeper does not run: what is parked stays parked.", periods=2, below=True)
        self._alarm("SweeperLate", late, LATE_LIMIT_S, "The sweeper visits what is due two minutes late.", periods=THREE_IN_A_ROW)

    def _watch_listener(self, channel: str) -> None:
        written = listener_metric("AccountsHeld", channel, "n", FIVE_MINUTES)
        lapses = listener_metric("Lapses", channel, "sum", FIVE_MINUTES)
        duplicated = listener_metric("KeysDuplicated", channel, "sum", FIVE_MINUTES)
        refused = listener_metric("EventsRefused", channel, "sum", MINUTE)
        depth = listener_metric("LedgerDepth", channel, "max", MINUTE)
        down = listener_metric("AccountsDown", channel, "max", MINUTE)
        self._alarm(f"ListenerSilent-{channel}", written, 1, "No listener runs: nothing is received and nothing can be sent.", below=True)
        self._alarm(f"Lapses-{channel}", lapses, 1, "A listener could not renew its lease in time, and its accounts were cut off.")
        self._alarm(f"KeysDuplicated-{channel}", duplicated, 1, "The messenger saw a session in two places at once and ended it.")
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
        alarm = metric.create_alarm(
            self,
            name,
            threshold=threshold,
            evaluation_periods=periods,
            alarm_description=f"{name}: {description} What to do: docs/operations.md, Alarms.",
            comparison_operator=compared.LESS_THAN_THRESHOLD if below else compared.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=missing.BREACHING if below else missing.NOT_BREACHING,
        )
        action = actions.SnsAction(self._topic)
        alarm.add_alarm_action(action)
        alarm.add_ok_action(action)
        self.alarms.append(alarm)
