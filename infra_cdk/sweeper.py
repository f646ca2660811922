"""functions/sweeper on a schedule: once a minute it drains the backlog. infra_cdk/operations.py has the alarms on it."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra_cdk.data import Data
from infra_cdk.function import Functions
from infra_cdk.queues import Queues
from infra_cdk.secret import DeploymentSecret
from infra_cdk.settings import StackSettings

TIMEOUT_S = 75
"""A run goes on until after the next has begun, so that callbacks are visited as soon as they are due."""
EVERY = Duration.minutes(1)


class SweeperFunction(Construct):
    """Like the delivery function it is outside the VPC. Of the queue it may only send to it. Two runs at once do no harm."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: StackSettings,
        functions: Functions,
        data: Data,
        queues: Queues,
        secret: DeploymentSecret,
    ) -> None:
        super().__init__(scope, construct_id)
        environment = {
            "TABLE_NAME": data.state.table_name,
            "DELIVERIES_TABLE_NAME": data.deliveries.table_name,
            "DELIVERIES_KEPT_DAYS": settings.deliveries_kept_days,
            "EVENTS_QUEUE_URL": queues.events.queue_url,
            "KMS_KEY_ID": data.key.key_id,
            "SECRET_ID": secret.secret_id,
            "APP_BASE_URL": settings.app_base_url,
            "ALLOW_HTTP_CALLBACKS": settings.allow_http_callbacks,
            "ALLOW_PRIVATE_CALLBACKS": settings.allow_private_callbacks,
        }
        self.function = functions.add("sweeper", environment, timeout_s=TIMEOUT_S)
        role = self.function.role
        queues.let_send(role)
        secret.let_read(role)
        data.let_read_state(role)
        data.let_write_state(role)
        data.let_read_deliveries(role)
        data.let_write_deliveries(role)
        data.let_unwrap(role, "signing")
        events.Rule(
            self,
            "Schedule",
            description="Avio: probe and drain parked callbacks",
            schedule=events.Schedule.rate(EVERY),
            targets=[targets.LambdaFunction(self.function.handler)],
        )

    def let_wake(self, role: iam.Role) -> None:
        """Allow invoking the sweeper."""
        role.add_to_policy(iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[self.function.handler.function_arn]))
