"""The HTTP API: an address with routes to functions by path. The functions set the cross-origin headers, not the gateway."""

from __future__ import annotations

import json
from collections.abc import Mapping

from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_integrations as integrations
from constructs import Construct

from infra_cdk.acknowledge import acknowledge
from infra_cdk.function import Function, log_group
from infra_cdk.settings import StackSettings

# All other paths go to DEFAULT: /, /health, /docs, /openapi.json, and 404 with Avio's own body.
DEFAULT = "tenants"
ROUTES: Mapping[str, tuple[str, ...]] = {
    "tenants": (
        "/tenants",
        "/tenants/{tenant}",
        "/tenants/{tenant}/callbacks",
        "/tenants/{tenant}/callbacks/{proxy+}",
        "/tenants/{tenant}/keys",
        "/tenants/{tenant}/keys/{proxy+}",
        "/tenants/{tenant}/signing-secret/{proxy+}",
    ),
    "auth": (
        "/tenants/{tenant}/status",
        "/tenants/{tenant}/auth/{proxy+}",
        "/tenants/{tenant}/logout",
        "/tenants/{tenant}/proxy",
        "/tenants/{tenant}/proxy/{proxy+}",
        "/pub/tg/{proxy+}",
    ),
    "messages": (
        "/tenants/{tenant}/messages/{proxy+}",
        "/tenants/{tenant}/chats",
        "/tenants/{tenant}/chats/{proxy+}",
        "/tenants/{tenant}/contacts",
        "/tenants/{tenant}/me",
        "/tenants/{tenant}/peers/{proxy+}",
        "/tenants/{tenant}/users/{proxy+}",
        "/send",
    ),
    "media": ("/tenants/{tenant}/media/{proxy+}", "/tenants/{tenant}/uploads"),
    "callbacks": ("/dev/callback-receiver",),
    "deliveries": (
        "/tenants/{tenant}/callback/{proxy+}",
        "/tenants/{tenant}/deliveries",
        "/tenants/{tenant}/events",
        "/tenants/{tenant}/events/{proxy+}",
        "/tenants/{tenant}/deliveries/{proxy+}",
    ),
    "providers": ("/webhook", "/internal/{proxy+}", "/admin/{proxy+}", "/pub/wa/{proxy+}"),
}
# The access log has the route, but not the path (it names tenants) nor the query string (it may have a public key).
ACCESS_LOG = {
    "request_id": "$context.requestId",
    "route": "$context.routeKey",
    "status": "$context.status",
    "latency_ms": "$context.responseLatency",
    "integration_latency_ms": "$context.integrationLatency",
    "integration_error": "$context.integrationErrorMessage",
    "ip": "$context.identity.sourceIp",
    "time": "$context.requestTimeEpoch",
}


class HttpApi(Construct):
    """The routes of `ROUTES` and the default route, with a common throttle and an access log without secrets."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: StackSettings, functions: Mapping[str, Function]) -> None:
        super().__init__(scope, construct_id)
        self._integrations = {name: _integration(name, function) for name, function in functions.items()}
        self.api = apigateway.HttpApi(
            self, "Api", description="Avio", create_default_stage=False, default_integration=self._integrations[DEFAULT]
        )
        for name, paths in ROUTES.items():
            for path in paths:
                self.api.add_routes(path=path, methods=[apigateway.HttpMethod.ANY], integration=self._integrations[name])
        acknowledge(
            self.api, "AwsSolutions-APIG4", "The functions know their callers: admin, tenant, public and provider keys differ by route."
        )
        self._stage(settings)

    def _stage(self, settings: StackSettings) -> None:
        log = log_group(self, "AccessLog", settings)
        stage = apigateway.HttpStage(
            self,
            "Stage",
            http_api=self.api,
            stage_name="$default",
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(rate_limit=settings.api_rate_limit, burst_limit=settings.api_burst_limit),
        )
        default = stage.node.default_child
        assert isinstance(default, apigateway.CfnStage)
        default.access_log_settings = apigateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=log.log_group_arn, format=json.dumps(ACCESS_LOG)
        )


def _integration(name: str, function: Function) -> integrations.HttpLambdaIntegration:
    return integrations.HttpLambdaIntegration(name, function.handler, scope_permission_to_route=False)
