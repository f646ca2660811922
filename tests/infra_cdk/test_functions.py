"""Functions, their routes and what feeds them."""

from __future__ import annotations

import pytest

from functions.callback_delivery.post import ATTEMPT_S
from functions.sweeper.sweep_run import LAST_START_S, LEASE
from infra_cdk.artifacts import FUNCTIONS
from tests.infra_cdk.conftest import TemplateView

HTTP = [name for name, lock in FUNCTIONS.items() if name not in {"deployment_tokens"} and lock == "http"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_function_has_a_log_that_forgets_and_a_layer_of_its_lock(aws: TemplateView, name: str) -> None:
    """Retention is set, and dependencies come from one layer."""
    function = aws.function(name)
    log = aws.resources[function["LoggingConfig"]["LogGroup"]["Ref"]]
    assert log["Properties"]["RetentionInDays"] == 30
    assert FUNCTIONS[name].title() in str(function["Layers"])
    assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])


@pytest.mark.parametrize("name", HTTP)
def test_http_functions_answer_before_the_gateway_gives_up(aws: TemplateView, name: str) -> None:
    """API Gateway ends an integration after 30 s."""
    assert aws.function(name)["Timeout"] <= 29


@pytest.mark.parametrize("name", ["tenants", "callback_delivery", "sweeper"])
def test_callbacks_to_private_addresses_are_refused_on_aws(aws: TemplateView, local: TemplateView, name: str) -> None:
    """And allowed on one machine, where the receiver is on it."""
    flags = ("ALLOW_HTTP_CALLBACKS", "ALLOW_PRIVATE_CALLBACKS")
    assert [aws.environment(name)[flag] for flag in flags] == ["0", "0"]
    assert [local.environment(name)[flag] for flag in flags] == ["1", "1"]


def test_the_development_receiver_is_not_on_aws_by_default(aws: TemplateView, local: TemplateView) -> None:
    """It shows what tenants were sent to whoever asks."""
    assert aws.environment("callbacks")["DEV_CALLBACK_RECEIVER"] == "0"
    assert local.environment("callbacks")["DEV_CALLBACK_RECEIVER"] == "1"


def test_the_outbox_is_closed_unless_opened(aws: TemplateView) -> None:
    """Guards are closed by default."""
    environment = aws.environment("messages")
    assert (environment["OUTBOX_ENABLED"], environment["OUTBOX_WHITELIST"]) == ("0", "")


def test_deliveries_are_fed_at_once_and_answer_for_each_event(aws: TemplateView) -> None:
    """Ten at a time, no waiting for more, failures one by one; the function's time is within the queue's."""
    mapping = aws.one("AWS::Lambda::EventSourceMapping")
    assert mapping["BatchSize"] == 10
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert "MaximumBatchingWindowInSeconds" not in mapping
    assert aws.function("callback_delivery")["Timeout"] == 30


def test_tokens_are_published_every_five_minutes(aws: TemplateView) -> None:
    """A rotated token is in force without a deployment."""
    assert aws.one("AWS::Events::Rule", "DeploymentTokensSchedule")["ScheduleExpression"] == "rate(5 minutes)"


def test_tokens_are_published_right_after_a_deployment(aws: TemplateView) -> None:
    """CloudFormation tells of this stack's end, however it ended, and the function runs: nobody waits with a 401."""
    rule = aws.one("AWS::Events::Rule", "DeploymentTokensDeployed")
    assert rule["EventPattern"] == {
        "source": ["aws.cloudformation"],
        "detail-type": ["CloudFormation Stack Status Change"],
        "detail": {
            "stack-id": [{"Ref": "AWS::StackId"}],
            "status-details": {"status": ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"]},
        },
    }
    (target,) = rule["Targets"]
    (permission,) = [name for name in aws.of("AWS::Lambda::Permission") if "DeploymentTokensDeployed" in name]
    assert target["Arn"] == aws.of("AWS::Lambda::Permission")[permission]["FunctionName"]
    assert "deploymenttokens" in str(target["Arn"])


def test_the_parking_lot_is_swept_every_minute_and_somebody_notices_if_not(aws: TemplateView) -> None:
    """A run goes on until after the next one has begun, and is over before its leases are; no run at all is an alarm."""
    assert aws.one("AWS::Events::Rule", "Sweeper")["ScheduleExpression"] == "rate(1 minute)"
    timeout_s = aws.function("sweeper")["Timeout"]
    assert 60 < LAST_START_S < timeout_s - ATTEMPT_S < timeout_s < LEASE.total_seconds()
    assert aws.one("AWS::CloudWatch::Alarm", "StandsStill")["TreatMissingData"] == "breaching"


def test_every_route_leads_to_its_function(aws: TemplateView) -> None:
    """Any method; what no route names goes to the default."""
    keys = {route["RouteKey"] for route in aws.of("AWS::ApiGatewayV2::Route").values()}
    assert {
        "$default",
        "ANY /tenants",
        "ANY /tenants/{tenant}",
        "ANY /tenants/{tenant}/status",
        "ANY /tenants/{tenant}/logout",
        "ANY /tenants/{tenant}/auth/{proxy+}",
        "ANY /tenants/{tenant}/messages/{proxy+}",
        "ANY /dev/callback-receiver",
        "ANY /tenants/{tenant}/deliveries",
        "ANY /tenants/{tenant}/deliveries/{proxy+}",
        "ANY /tenants/{tenant}/callback/{proxy+}",
        "ANY /webhook",
        "ANY /internal/{proxy+}",
        "ANY /admin/{proxy+}",
        "ANY /pub/wa/{proxy+}",
    } <= keys


def test_the_gateway_throttles_and_logs_nothing_secret(aws: TemplateView) -> None:
    """No path, query string, header or body in the access log; cross-origin headers are the functions' matter."""
    stage = aws.one("AWS::ApiGatewayV2::Stage")
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0
    log = stage["AccessLogSettings"]["Format"]
    assert "$context.routeKey" in log
    assert not [word for word in ("path", "query", "header", "authorizer") if word in log.lower()]
    assert "CorsConfiguration" not in aws.one("AWS::ApiGatewayV2::Api")
