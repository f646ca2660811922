"""The FIFO queue `events` between the listener and the delivery function. Each chat is a message group."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra_cdk.retention import removal_policy
from infra_cdk.settings import StackSettings

VISIBILITY_S = 90
RETENTION_DAYS = 14
# A chat's events are received along with its first, which may fail, so the number of receives is not that of attempts. The delivery
# function itself gives events up; this limit is only for messages that it never can handle.
MAX_RECEIVE_COUNT = 1000


class Queues(Construct):
    """`events` and its dead letter queue. The sender gives the deduplication ids: the event ids."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: StackSettings) -> None:
        super().__init__(scope, construct_id)
        self._removal_policy = removal_policy(settings)
        self.dead = self._queue("DeadEvents")
        self.events = self._queue("Events", sqs.DeadLetterQueue(queue=self.dead, max_receive_count=MAX_RECEIVE_COUNT))

    def _queue(self, construct_id: str, dead: sqs.DeadLetterQueue | None = None) -> sqs.Queue:
        return sqs.Queue(
            self,
            construct_id,
            fifo=True,
            content_based_deduplication=False,
            deduplication_scope=sqs.DeduplicationScope.MESSAGE_GROUP,
            fifo_throughput_limit=sqs.FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
            visibility_timeout=Duration.seconds(VISIBILITY_S),
            retention_period=Duration.days(RETENTION_DAYS),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            dead_letter_queue=dead,
            removal_policy=self._removal_policy,
        )

    def let_send(self, role: iam.Role) -> None:
        """Allow sending messages."""
        role.add_to_policy(iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[self.events.queue_arn]))

    def let_erase_dead(self, role: iam.Role) -> None:
        """Allow looking through the dead letter queue: what is received is deleted, or made visible again. SQS's own key needs no right."""
        actions = ["sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage"]
        role.add_to_policy(iam.PolicyStatement(actions=actions, resources=[self.dead.queue_arn]))

    def let_consume(self, role: iam.Role) -> None:
        """Allow what an event source mapping and its function need: receive, change visibility, delete."""
        actions = ["sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
        role.add_to_policy(iam.PolicyStatement(actions=actions, resources=[self.events.queue_arn]))
