"""Alarms hang on what is really measured."""

from __future__ import annotations

import io
import json

import pytest

from infra_cdk.artifacts import CHANNELS
from listener.core.metrics import Holdings, MetricsWriter, no_metrics
from listener.telegram.channel import TelegramDriver
from shared.model.ids import Channel
from tests.infra_cdk.conftest import TemplateView
from tests.support.clock import FakeClock

Named = tuple[str, str, tuple[tuple[str, str], ...]]


def measured() -> set[Named]:
    """The metrics that a listener writes: namespace, name, dimensions."""
    stream = io.StringIO()
    MetricsWriter(no_metrics(), [Channel(channel) for channel in CHANNELS], lambda _: Holdings(0, 0, 0), FakeClock(), stream).write()
    found = set[Named]()
    for line in map(json.loads, stream.getvalue().splitlines()):
        for described in line["_aws"]["CloudWatchMetrics"]:
            dimensions = tuple(sorted((name, line[name]) for name in described["Dimensions"][0]))
            found |= {(described["Namespace"], metric["Name"], dimensions) for metric in described["Metrics"]}
    return found


def test_every_alarm_of_the_listener_is_on_a_metric_that_it_writes(aws: TemplateView) -> None:
    """Under the same name and dimensions: an alarm on anything else would never come."""
    watched = {
        (alarm["Namespace"], alarm["MetricName"], tuple(sorted((one["Name"], one["Value"]) for one in alarm["Dimensions"])))
        for alarm in aws.of("AWS::CloudWatch::Alarm").values()
        if alarm["Namespace"] == "Avio"
    }
    assert watched
    assert watched <= measured()


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
    ],
)
def test_when_a_listener_raises_an_alarm(
    aws: TemplateView, name: str, operator: str, threshold: int, period_s: int, periods: int, missing: str
) -> None:
    """No listener at all and a lost lease at once; what may pass by itself after five minutes."""
    alarm = aws.one("AWS::CloudWatch::Alarm", f"Operations{name}")
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == (operator, threshold)
    assert (alarm["EvaluationPeriods"], alarm["TreatMissingData"]) == (periods, missing)
    assert alarm["Period"] == period_s


def test_no_alarm_is_on_metric_math(local: TemplateView) -> None:
    """The emulator refuses the whole template for it, and the system would not start on a person's machine."""
    assert not [name for name, alarm in local.of("AWS::CloudWatch::Alarm").items() if "Metrics" in alarm]
