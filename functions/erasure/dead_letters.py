"""The dead letter queue: what it holds of ended tenants is deleted, and everything else stays as it is.

    received -> it names an ended tenant   deleted
             '-> any other, or unreadable  hidden while the look lasts, so that it does not come again; then visible again

A chat is a message group. While some of a group is hidden, the rest of it is not received: of a living chat a look sees the first messages
alone, and the chat's order stays. A look that has to stop before the end goes on in the next run, behind what it has seen.
"""

from __future__ import annotations

import contextlib
from collections.abc import Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.clock import Clock
from shared.model.ids import TenantId
from shared.queues import BATCH, QueueUnavailable, tenants_named

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

LOOK_S = 10.0
"""A look receives no more after this time. A run has 45 s, and the tables need some of them."""
MOST_RECEIVES = 500
"""A look receives no more than this often, so that what it hides can be made visible again in time."""
HIDDEN_S = 60
"""What a run that died has received is visible again when the run would have ended."""
PASSED_OVER_S = 3600
"""How long other tenants' messages stay hidden that filled a whole look: the next looks see what is behind them."""
WAIT_S = 1
"""An empty answer says that nothing is there only if all of SQS's servers were asked, as they are for a receive that waits.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
"""


@dataclass
class Look:
    """What one look saw: which ended tenants had messages there, and whether it came to the end of the queue."""

    complete: bool = False
    deleted: int = 0
    ended: set[TenantId] = field(default_factory=set)

    def shows_nothing_of(self, tenant_id: TenantId) -> bool:
        """Tell whether all was looked at, and nothing was the tenant's."""
        return self.complete and tenant_id not in self.ended


class DeadLetters:
    """Looks through the dead letter queue. Two looks at once do no harm: each sees what the other has not received."""

    def __init__(self, sqs: SQSClient, url: str, clock: Clock) -> None:
        self._sqs = sqs
        self._url = url
        self._clock = clock

    def erase(self, ended: Set[TenantId]) -> Look:
        """Delete the messages of ended tenants. What is not deleted, because SQS fails or the look is over, the next look finds."""
        look, hidden = Look(), list[list[str]]()
        started_s = self._clock.boottime()
        try:
            while len(hidden) < MOST_RECEIVES and self._clock.boottime() - started_s < LOOK_S:
                messages = self._receive()
                if not messages:
                    look.complete = True
                    break
                owners = {message["ReceiptHandle"]: _named(message) & ended for message in messages}
                look.ended.update(*owners.values())
                hidden.append([receipt for receipt, found in owners.items() if not found])
                look.deleted += self._delete([receipt for receipt, found in owners.items() if found])
        except (ClientError, BotoCoreError) as error:
            self._put_back(hidden, 0)
            raise QueueUnavailable(type(error).__name__) from error
        self._put_back(hidden, 0 if look.complete or look.deleted else PASSED_OVER_S)
        return look

    def _receive(self) -> list[Any]:
        answer = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=BATCH,
            VisibilityTimeout=HIDDEN_S,
            WaitTimeSeconds=WAIT_S,
            MessageSystemAttributeNames=["MessageGroupId"],
        )
        return [*answer.get("Messages", ())]

    def _delete(self, receipts: list[str]) -> int:
        if not receipts:
            return 0
        entries: Any = [{"Id": str(number), "ReceiptHandle": receipt} for number, receipt in enumerate(receipts)]
        return len(self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries).get("Successful", ()))

    def _put_back(self, hidden: list[list[str]], delay_s: int) -> None:
        """Make messages visible again, in the order in which they came. If SQS fails, their time does it."""
        with contextlib.suppress(ClientError, BotoCoreError):
            for receipts in filter(None, hidden):
                entries: Any = [
                    {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": delay_s} for number, receipt in enumerate(receipts)
                ]
                self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)


def _named(message: Any) -> set[TenantId]:
    return tenants_named(message["Attributes"]["MessageGroupId"], message["Body"])
