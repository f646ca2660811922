"""The delivery function, and the event source mapping from the queue to it."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda_event_sources as sources
from constructs import Construct

from infra_cdk.data import Data
from infra_cdk.function import Functions
from infra_cdk.queues import Queues
from infra_cdk.secret import DeploymentSecret
from infra_cdk.settings import StackSettings

TIMEOUT_S = 30
BATCH_SIZE = 10


class CallbackDelivery(Construct):
    """The function is outside the VPC, because callbacks are on the internet. It reports the failed entries of a batch."""

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
        self.function = functions.add(
            "callback_delivery",
            {
                "TABLE_NAME": data.state.table_name,
                "DELIVERIES_TABLE_NAME": data.deliveries.table_name,
                "DELIVERIES_KEPT_DAYS": settings.deliveries_kept_days,
                "EVENTS_QUEUE_URL": queues.events.queue_url,
                "KMS_KEY_ID": data.key.key_id,
                "SECRET_ID": secret.secret_id,
                "APP_BASE_URL": settings.app_base_url,
                "ALLOW_HTTP_CALLBACKS": settings.allow_http_callbacks,
                "ALLOW_PRIVATE_CALLBACKS": settings.allow_private_callbacks,
            },
            timeout_s=TIMEOUT_S,
        )
        self.function.handler.add_event_source(
            sources.SqsEventSource(
                queues.events,
                batch_size=BATCH_SIZE,
                report_batch_item_failures=True,
                max_concurrency=settings.delivery_concurrency,
            )
        )
        role = self.function.role
        queues.let_consume(role)
        queues.let_send(role)
        secret.let_read(role)
        data.let_read_state(role)
        data.let_write_state(role)
        data.let_read_deliveries(role)
        data.let_write_deliveries(role)
        data.let_unwrap(role, "signing")

    def let_test(self, role: iam.Role) -> None:
        """Allow invoking the function to test or wake a callback. The caller then needs no right to signing secrets, or to write rows."""
        role.add_to_policy(iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[self.function.handler.function_arn]))
