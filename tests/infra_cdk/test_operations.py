"""Alarms hang on what is really measured, tell somebody, and say what to do."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from typing import Any

import pytest

from infra_cdk.artifacts import CHANNELS
from infra_cdk.log_queries import QUERIES
from listener.core.metrics import Holdings, MetricsWriter, no_metrics
from listener.telegram.channel import TelegramDriver
from local.bootstrap import ROOT
from shared.model.ids import Channel
from tests.functions.lambda_environment import ENVIRONMENT
from tests.infra_cdk.conftest import Resource, TemplateView
from tests.support.clock import FakeClock

Named = tuple[str, str, tuple[tuple[str, str], ...]]
# Has a function measure a run in which everything happened.
FUNCTIONS = {
    "callback_delivery": """
import functions.callback_delivery.handler as it
from functions.callback_delivery.run_state import DeliveryCounts
it._measure(DeliveryCounts(**dict.fromkeys(it.METRICS, 1), lags_ms=[5, 7]))
""",
    "sweeper": """
import functions.sweeper.handler as it
it._measure(it.SweepCounts(**dict.fromkeys(it.METRICS, 1), late_s=2.5))
""",
}
# AWS's own metrics, and their dimensions.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
AWS_OWN: dict[tuple[str, str], list[set[str]]] = {
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): [{"QueueName"}],
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): [{"QueueName"}],
    ("AWS/Lambda", "Errors"): [{"FunctionName"}],
    ("AWS/Lambda", "Invocations"): [{"FunctionName"}],
    ("AWS/ApiGateway", "5xx"): [{"ApiId"}],
    ("AWS/DynamoDB", "ReadThrottleEvents"): [{"TableName"}, {"TableName", "GlobalSecondaryIndexName"}],
    ("AWS/DynamoDB", "WriteThrottleEvents"): [{"TableName"}, {"TableName", "GlobalSecondaryIndexName"}],
}


def emitted(lines: str) -> set[Named]:
    """The metrics in a log, as CloudWatch reads them: namespace, name, dimensions."""
    found = set[Named]()
    for line in map(json.loads, lines.splitlines()):
        for described in line["_aws"]["CloudWatchMetrics"]:
            dimensions = tuple(sorted((name, line[name]) for name in described["Dimensions"][0]))
            found |= {(described["Namespace"], metric["Name"], dimensions) for metric in described["Metrics"]}
    return found


@pytest.fixture(scope="module")
def measured(aws: TemplateView) -> set[Named]:
    """What a listener and the functions write, each with its environment in the template."""
    stream = io.StringIO()
    MetricsWriter(no_metrics(), [Channel(channel) for channel in CHANNELS], lambda _: Holdings(0, 0, 0), FakeClock(), stream).write()
    lines = stream.getvalue()
    for name, code in FUNCTIONS.items():
        environment = ENVIRONMENT | {"POWERTOOLS_SERVICE_NAME": aws.environment(name)["POWERTOOLS_SERVICE_NAME"]}
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        lines += done.stdout
    return emitted(lines)


def alarms(view: TemplateView) -> dict[str, Resource]:
    """Alarms by name: the part of the description before the colon."""
    return {alarm["AlarmDescription"].partition(":")[0]: alarm for alarm in view.of("AWS::CloudWatch::Alarm").values()}


def test_every_alarm_is_on_a_metric_that_is_emitted(aws: TemplateView, measured: set[Named]) -> None:
    """Under the same namespace, name and dimensions: an alarm on anything else would never come."""
    for name, alarm in alarms(aws).items():
        dimensions = {one["Name"]: one["Value"] for one in alarm["Dimensions"]}
        if alarm["Namespace"] == "Avio":
            assert ("Avio", alarm["MetricName"], tuple(sorted(dimensions.items()))) in measured, name
        else:
            assert set(dimensions) in AWS_OWN[alarm["Namespace"], alarm["MetricName"]], name


def test_every_alarm_tells_the_topic_when_it_comes_and_when_it_goes(aws: TemplateView) -> None:
    """CloudWatch may publish to it, for this account's alarms, and nobody without TLS."""
    (topic,) = aws.of("AWS::SNS::Topic")
    for name, alarm in alarms(aws).items():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": topic}], name
    statements = aws.one("AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    (allowed,) = [one for one in statements if one["Effect"] == "Allow"]
    assert (allowed["Action"], allowed["Principal"]) == ("sns:Publish", {"Service": "cloudwatch.amazonaws.com"})
    assert allowed["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert [one["Condition"] for one in statements if one["Effect"] == "Deny"] == [{"Bool": {"aws:SecureTransport": "false"}}]


def test_every_alarm_has_a_row_in_the_runbook(aws: TemplateView) -> None:
    """And every row an alarm. What varies stands in angle brackets."""
    table = (ROOT / "docs" / "operations.md").read_text().partition("## Alarms and metrics")[2].partition("\nThe listener")[0]
    rows = {
        row.partition("-")[0] for row in re.findall(r"^\| `([A-Z]\w+(?:-<[\w ]+>)?)` \| [^|]+ \| [^|]+ \| [^|]+ \|$", table, re.MULTILINE)
    }
    assert rows == {name.partition("-")[0] for name in alarms(aws)}


def test_the_dashboard_shows_what_is_emitted(aws: TemplateView, measured: set[Named]) -> None:
    """Three questions; no graph of our own metrics stays empty."""
    body = _dashboard(aws)
    titles = [widget["properties"]["markdown"] for widget in body["widgets"] if widget["type"] == "text"]
    assert [title.split("?")[0] for title in titles] == ["# Is it healthy", "# Who is hurting", "# What does it cost"]
    shown = {
        (metric[0], metric[1], tuple(sorted(_pairs(metric))))
        for widget in body["widgets"]
        for metric in widget["properties"].get("metrics", [])
    }
    own = {metric for metric in shown if metric[0] == "Avio"}
    assert len(own) > 10
    assert own <= measured
    (status,) = [widget["properties"]["alarms"] for widget in body["widgets"] if widget["type"] == "alarm"]
    assert len(status) == len(alarms(aws))


def test_queries_are_saved_over_every_log(aws: TemplateView) -> None:
    """All functions and the listener; the gateway's log knows no tenant."""
    groups = {name for name in aws.of("AWS::Logs::LogGroup") if "AccessLog" not in name}
    queries = aws.of("AWS::Logs::QueryDefinition").values()
    assert {query["Name"] for query in queries} == {f"Avio/{name}" for name in QUERIES}
    for query in queries:
        assert {group["Ref"] for group in query["LogGroupNames"]} == groups


def test_what_the_queries_look_for_is_logged() -> None:
    """A message that was renamed would be found nowhere any more."""
    sources = "".join(path.read_text() for folder in ("functions", "listener") for path in (ROOT / folder).rglob("*.py"))
    texts = {text for lines in QUERIES.values() for text in re.findall(r"'([a-z ]+)'", " ".join(lines))}
    assert {"request", "command", "attempt failed", "event dead"} <= texts
    logged = set(re.findall(r'logger\.(?:info|warning|error)\(\s*"([^"]+)"', sources))
    assert texts - logged == set()


def _dashboard(view: TemplateView) -> dict[str, Any]:
    """The dashboard's body, with a word in the place of each reference."""
    parts = view.one("AWS::CloudWatch::Dashboard")["DashboardBody"]["Fn::Join"][1]
    body: dict[str, Any] = json.loads("".join(part if isinstance(part, str) else "reference" for part in parts))
    return body


def _pairs(metric: list[Any]) -> list[tuple[str, str]]:
    names = [part for part in metric[2:] if isinstance(part, str)]
    return list(zip(names[::2], names[1::2], strict=True))


def test_the_channels_that_are_watched_are_those_of_the_image() -> None:
    """A channel that nobody watches would fail in silence."""
    assert set(CHANNELS) == {TelegramDriver.channel.value}


@pytest.mark.parametrize(
    ("name", "operator", "threshold", "period_s", "periods", "missing"),
    [
        ("ListenerSilent", "LessThanThreshold", 1, 300, 1, "breaching"),
        ("Lapses", "GreaterThanOrEqualToThreshold", 1, 300, 1, "notBreaching"),
        ("EventsRefused", "GreaterThanOrEqualToThreshold", 1, 60, 5, "notBreaching"),
        ("LedgerDepth", "GreaterThanOrEqualToThreshold", 1000, 60, 5, "notBreaching"),
        ("AccountsDown", "GreaterThanOrEqualToThreshold", 50, 60, 5, "notBreaching"),
        ("KeysDuplicated", "GreaterThanOrEqualToThreshold", 1, 300, 1, "notBreaching"),
        ("ServerErrors", "GreaterThanOrEqualToThreshold", 5, 300, 2, "notBreaching"),
        ("DeliveryLag", "GreaterThanOrEqualToThreshold", 60_000, 300, 3, "notBreaching"),
        ("EventsParked", "GreaterThanOrEqualToThreshold", 100, 300, 1, "notBreaching"),
        ("EventsDeadsweeper", "GreaterThanOrEqualToThreshold", 1, 300, 1, "notBreaching"),
        ("EventsDeadcallbackdelivery", "GreaterThanOrEqualToThreshold", 1, 300, 1, "notBreaching"),
        ("SweeperLate", "GreaterThanOrEqualToThreshold", 120, 300, 3, "notBreaching"),
        ("StandsStill", "LessThanThreshold", 1, 300, 2, "breaching"),
    ],
)
def test_when_an_alarm_comes(
    aws: TemplateView, name: str, operator: str, threshold: int, period_s: int, periods: int, missing: str
) -> None:
    """No listener at all, a lost lease and a lost session at once; what may pass by itself after some minutes."""
    alarm = aws.one("AWS::CloudWatch::Alarm", f"Operations{name}")
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == (operator, threshold)
    assert (alarm["EvaluationPeriods"], alarm["TreatMissingData"]) == (periods, missing)
    assert alarm["Period"] == period_s


def test_no_alarm_is_on_metric_math(local: TemplateView) -> None:
    """The emulator refuses the whole template for it, and the system would not start on a person's machine."""
    assert not [name for name, alarm in local.of("AWS::CloudWatch::Alarm").items() if "Metrics" in alarm]
