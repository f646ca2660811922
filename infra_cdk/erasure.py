"""functions/erasure on a schedule: every five minutes it continues the erasure of ended tenants."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from infra_cdk.data import Data
from infra_cdk.function import Functions
from infra_cdk.media_storage import MediaStorage
from infra_cdk.queues import Queues

TIMEOUT_S = 60
EVERY = Duration.minutes(5)


class Erasure(Construct):
    """The function is outside the VPC. It may erase from both tables, the bucket and the dead letter queue, and has no key and no secret.

    Two runs at once do no harm.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, functions: Functions, data: Data, queues: Queues, media: MediaStorage
    ) -> None:
        super().__init__(scope, construct_id)
        environment = {
            "TABLE_NAME": data.state.table_name,
            "DELIVERIES_TABLE_NAME": data.deliveries.table_name,
            "DEAD_EVENTS_QUEUE_URL": queues.dead.queue_url,
            **media.environment,
        }
        self.function = functions.add("erasure", environment, timeout_s=TIMEOUT_S)
        role = self.function.role
        data.let_read_state(role)
        data.let_write_state(role)
        data.let_read_deliveries(role)
        data.let_write_deliveries(role)
        queues.let_erase_dead(role)
        media.let_erase(role)
        events.Rule(
            self,
            "Schedule",
            description="Avio: erase what is left of ended tenants",
            schedule=events.Schedule.rate(EVERY),
            targets=[targets.LambdaFunction(self.function.handler)],
        )
