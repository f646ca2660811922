"""DynamoDB in memory, with the operations that our stores use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from testing.fake_aws.expressions.words import Item, check_placeholders
from testing.fake_aws.service import Answer, FakeService, Request, RequestRefused, operation
from testing.fake_aws.table import FakeTable

STATE, DELIVERIES = "avio", "deliveries"
TABLES = (STATE, DELIVERIES)
MOST_GETS, MOST_BATCH_WRITES, MOST_TRANSACT_WRITES = 100, 25, 100

_CONDITION = "TableName ConditionExpression ExpressionAttributeNames ExpressionAttributeValues ReturnValuesOnConditionCheckFailure"
_QUERY = "KeyConditionExpression ExpressionAttributeNames ExpressionAttributeValues ProjectionExpression"


class FakeDynamoDb(FakeService):
    """The two tables of an account. Where it is metered, `units` are the read, write and index write units that AWS would bill so far.

    It differs from DynamoDB in that nothing is throttled, a query answers in one page, and reserved words are taken as names.
    """

    def __init__(self, *, metered: bool = False) -> None:
        super().__init__(
            {
                "GetItem": operation(lambda request: self._of(request).get(request), "TableName Key ConsistentRead"),
                "PutItem": operation(lambda request: self._of(request).put(request), f"{_CONDITION} Item"),
                "UpdateItem": operation(
                    lambda request: self._of(request).update(request), f"{_CONDITION} Key UpdateExpression ReturnValues"
                ),
                "DeleteItem": operation(lambda request: self._of(request).delete(request), f"{_CONDITION} Key"),
                "Query": operation(
                    lambda request: self._of(request).query(request),
                    f"{_QUERY} TableName IndexName ConsistentRead ScanIndexForward Limit",
                ),
                "BatchGetItem": operation(self._get_many, "RequestItems"),
                "BatchWriteItem": operation(self._write_many, "RequestItems"),
                "TransactWriteItems": operation(self._transact, "TransactItems ClientRequestToken"),
            }
        )
        self._done: set[str] = set()
        self.units: Counter[str] = Counter()
        self.tables = {name: FakeTable(self.units if metered else None) for name in TABLES}

    def addresses(self, table: str = STATE) -> list[tuple[str, str]]:
        """Return (pk, sk) of every item of a table, in order."""
        with self._lock:
            return sorted((item["pk"]["S"], item["sk"]["S"]) for item in self.tables[table])

    def _of(self, request: Request) -> FakeTable:
        return self._named(request["TableName"])

    def _named(self, name: str) -> FakeTable:
        if name not in self.tables:
            raise RequestRefused("ResourceNotFoundException", f"Requested resource not found: Table: {name} not found")
        return self.tables[name]

    def _get_many(self, request: Request) -> Answer:
        asked = [(name, key, one) for name, one in request["RequestItems"].items() for key in one["Keys"]]
        _check_unique([(name, key) for name, key, _ in asked], MOST_GETS)
        found: dict[str, list[Item]] = {name: [] for name in request["RequestItems"]}
        for name, key, one in asked:
            if item := self._named(name).read({**one, "Key": key}):
                found[name].append(item)
        return {"Responses": found, "UnprocessedKeys": {}}

    def _write_many(self, request: Request) -> Answer:
        writes = [(name, *next(iter(write.items()))) for name, some in request["RequestItems"].items() for write in some]
        _check_unique([(name, write.get("Item") or write["Key"]) for name, _, write in writes], MOST_BATCH_WRITES)
        for name, kind, write in writes:
            self._do(kind.removesuffix("Request"), {**write, "TableName": name})
        return {"UnprocessedItems": {}}

    def _transact(self, request: Request) -> Answer:
        token = request.get("ClientRequestToken")  # of the SDK, the same in each try
        if token in self._done:
            return {}
        writes = [next(iter(write.items())) for write in request["TransactItems"]]
        _check_unique([(write["TableName"], write.get("Item") or write["Key"]) for _, write in writes], MOST_TRANSACT_WRITES)
        reasons = [self._reason(write) for _, write in writes]
        if any(reason["Code"] != "None" for reason in reasons):
            codes = ", ".join(reason["Code"] for reason in reasons)
            message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
            raise RequestRefused("TransactionCanceledException", message, CancellationReasons=reasons)
        before = self.units["write"]
        for kind, write in writes:
            self._do(kind, write)
        if token:
            self._done.add(token)
        self.units["write"] += self.units["write"] - before  # a transaction writes twice: it prepares and commits
        return {}

    def _reason(self, write: Request) -> dict[str, Any]:
        check_placeholders(write, write.get("ConditionExpression"), write.get("UpdateExpression"))
        try:
            self._of(write).check(write, write.get("Item") or write["Key"])
        except RequestRefused as refused:
            return {"Code": "ConditionalCheckFailed", "Message": refused.message, **refused.fields}
        return {"Code": "None"}

    def _do(self, kind: str, request: Request) -> None:
        table = self._of(request)
        match kind:
            case "Put":
                table.put(request)
            case "Update":
                table.update(request)
            case "Delete":
                table.delete(request)
            case "ConditionCheck":
                pass


def _check_unique(addressed: Iterable[tuple[str, Item]], most: int) -> None:
    """Raise RequestRefused for more requests than one may hold, for none, and for two of one item."""
    addresses = [(table, key["pk"]["S"], key["sk"]["S"]) for table, key in addressed]
    if not 0 < len(addresses) <= most:
        raise RequestRefused("ValidationException", f"{len(addresses)} items in one request, of 1 to {most}")
    if len(set(addresses)) < len(addresses):
        raise RequestRefused("ValidationException", "one item twice in one request")
