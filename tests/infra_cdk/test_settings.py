"""What a target may be asked for."""

from __future__ import annotations

import re

import pytest

from infra_cdk.artifacts import FUNCTIONS
from infra_cdk.settings import NAMES, UNSAFE, SettingsError, StackSettings, Target, from_environment
from local.bootstrap import ROOT
from tests.infra_cdk.conftest import TemplateView


@pytest.mark.parametrize("name", ["ALLOW_HTTP_CALLBACKS", "ALLOW_PRIVATE_CALLBACKS"])
def test_aws_refuses_unsafe_callbacks_aloud(name: str) -> None:
    """A flag that has no effect would be believed to have one."""
    with pytest.raises(SettingsError, match=name):
        from_environment("aws", {name: "1"})


def test_aws_takes_the_flags_when_they_say_no() -> None:
    """The same .env may serve both targets."""
    assert from_environment("aws", {"ALLOW_HTTP_CALLBACKS": "0", "ALLOW_PRIVATE_CALLBACKS": ""}) == StackSettings("aws")


def test_one_machine_allows_what_its_own_receiver_needs() -> None:
    """http, private addresses and the receiver itself."""
    settings = from_environment("local", {})
    assert (settings.allow_http_callbacks, settings.allow_private_callbacks, settings.dev_callback_receiver) == ("1", "1", "1")
    assert not settings.durable


def test_the_receiver_can_be_switched_off_and_on() -> None:
    """On one machine off, on AWS on."""
    assert from_environment("local", {"DEV_CALLBACK_RECEIVER": "0"}).dev_callback_receiver == "0"
    assert from_environment("aws", {"DEV_CALLBACK_RECEIVER": "true"}).dev_callback_receiver == "1"


def test_an_operators_choices_are_taken_over() -> None:
    """Origins, outbox and its whitelist."""
    chosen = {"CORS_ORIGINS": "https://a.example", "OUTBOX_ENABLED": "yes", "OUTBOX_WHITELIST": "me, @x"}
    settings = from_environment("aws", chosen)
    assert (settings.cors_origins, settings.outbox_enabled, settings.outbox_whitelist) == ("https://a.example", "1", "me, @x")


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("DEPLOYMENT_STAGE", "Prod!", "DEPLOYMENT_STAGE begins with a letter"),
        ("DEPLOYMENT_STAGE", "a" * 21, "DEPLOYMENT_STAGE begins with a letter"),
        ("ALARM_EMAIL", "ops", "ALARM_EMAIL is one address"),
        ("ALARM_EMAIL", "a@example.com b@example.com", "ALARM_EMAIL is one address"),
        ("WORKER_COUNT", "0", "WORKER_COUNT is a number of tasks from 1 to 100"),
        ("WORKER_COUNT", "many", "WORKER_COUNT is a number of tasks from 1 to 100"),
        ("WORKER_CPU", "300", "WORKER_CPU is one of 256, 512, 1024, 2048, 4096"),
        ("WORKER_CPU", "-256", "WORKER_CPU is one of"),
        ("WORKER_MEMORY_MB", "4096", "WORKER_MEMORY_MB is one of 512, 1024, 2048 where WORKER_CPU is 256"),
        ("WORKER_CPU", "1024", "WORKER_MEMORY_MB is one of 2048, 3072"),
        ("API_RATE_LIMIT", "0", "API_RATE_LIMIT is a number of requests per second from 1 to 10000"),
        ("API_RATE_LIMIT", "1000", "API_BURST_LIMIT is at least API_RATE_LIMIT: 400 is less than 1000"),
        ("API_CONCURRENCY", "1.5", "API_CONCURRENCY is a number of runs at once from 1 to 1000"),
        ("DELIVERY_CONCURRENCY", "1", "DELIVERY_CONCURRENCY is a number of runs at once from 2 to 1000"),
        ("LOG_RETENTION_DAYS", "31", "LOG_RETENTION_DAYS is one of 1, 3, 5, 7, 14, 30"),
        ("DELETION_PROTECTION", "maybe", "DELETION_PROTECTION is 1 or 0"),
    ],
)
def test_what_aws_would_refuse_is_refused_before(name: str, value: str, told: str) -> None:
    """In words that say what would do; a deployment that fails takes a quarter of an hour to say less."""
    with pytest.raises(SettingsError) as refused:
        from_environment("aws", {name: value})
    assert told in str(refused.value)


def test_each_setting_of_a_deployment_reaches_its_resource(chosen: TemplateView) -> None:
    """One synthesis with all of them."""
    container = chosen.one("AWS::ECS::TaskDefinition")
    assert (container["Cpu"], container["Memory"]) == ("1024", "4096")
    assert chosen.one("AWS::ECS::Service")["DesiredCount"] == 3
    stage = chosen.one("AWS::ApiGatewayV2::Stage")["DefaultRouteSettings"]
    assert (stage["ThrottlingRateLimit"], stage["ThrottlingBurstLimit"]) == (50, 60)
    reserved = {name: chosen.function(name).get("ReservedConcurrentExecutions") for name in FUNCTIONS}
    assert {name for name, runs in reserved.items() if runs == 20} == {name for name, lock in FUNCTIONS.items() if lock == "http"} - {
        "deployment_tokens"
    }
    assert set(reserved.values()) == {20, None}
    assert chosen.one("AWS::Lambda::EventSourceMapping")["ScalingConfig"] == {"MaximumConcurrency": 7}
    assert {group["RetentionInDays"] for group in chosen.of("AWS::Logs::LogGroup").values()} == {90}
    subscription = chosen.one("AWS::SNS::Subscription")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "ops@example.com")
    assert all(query["Name"].startswith("Avio-staging/") for query in chosen.of("AWS::Logs::QueryDefinition").values())


def test_without_a_choice_nothing_is_reserved_and_nobody_is_told(aws: TemplateView) -> None:
    """A new account may have ten runs in all, of which none can be reserved; the topic is there for who subscribes by hand."""
    assert all("ReservedConcurrentExecutions" not in aws.function(name) for name in FUNCTIONS)
    assert not aws.of("AWS::SNS::Subscription")
    assert aws.one("AWS::SNS::Topic")
    assert aws.one("AWS::Lambda::EventSourceMapping")["ScalingConfig"] == {"MaximumConcurrency": 100}


def test_each_setting_is_documented_in_one_place() -> None:
    """The page on operations has a row for each, with its default."""
    table = (ROOT / "docs" / "operations.md").read_text().partition("## Settings of a deployment")[2].partition("\n## ")[0]
    assert set(re.findall(r"`([A-Z][A-Z_]+)`", table)) >= set(NAMES) - set(UNSAFE)


@pytest.mark.parametrize("target", ["aws", "local"])
def test_a_public_key_that_is_the_admin_token_is_refused(target: Target) -> None:
    """Before anything is deployed; the value is not repeated."""
    with pytest.raises(SettingsError, match="PUBLIC_KEY equals ADMIN_TOKEN") as refused:
        from_environment(target, {"PUBLIC_KEY": "the-same", "ADMIN_TOKEN": "the-same"})
    assert "the-same" not in str(refused.value)
    from_environment(target, {"PUBLIC_KEY": "one", "ADMIN_TOKEN": "another"})


def test_links_begin_with_the_address_that_is_set() -> None:
    """APP_BASE_URL, where it is one."""
    assert from_environment("aws", {"APP_BASE_URL": "https://api.avio.website"}).app_base_url == "https://api.avio.website"
    with pytest.raises(SettingsError, match="APP_BASE_URL"):
        from_environment("aws", {"APP_BASE_URL": "api.avio.website"})
