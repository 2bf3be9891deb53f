"""The table of jobs, as the clients read it."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from boto3.dynamodb.types import TypeDeserializer

from hybrid_ocr.clients.connection import Connection
from hybrid_ocr.contracts.errors import ConfigurationError
from hybrid_ocr.contracts.job_records import BY_PREFIX, BY_STATE, PREFIX_LENGTH, STATES, TABLE, JobRecord

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PAGE: Final = 100
_value = TypeDeserializer().deserialize


class JobTable:
    """Looks at jobs by their ids, by the beginnings of these, and by their age."""

    def __init__(self, connection: Connection) -> None:
        self._client: DynamoDBClient = connection.client("dynamodb")
        self._table = connection.names.table(TABLE)

    def get(self, job_id: str) -> JobRecord | None:
        """A job as it stands now; None where there is none.

        Raises:
            ConfigurationError: it was written by another version.
        """
        key: Any = {"job_id": {"S": job_id}}
        answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        if "Item" not in answer:
            return None
        try:
            return _record(answer["Item"])
        except ValueError as error:
            message = f"job {job_id} was written by another version of hybrid-ocr: {error}"
            raise ConfigurationError(message) from None

    def newest(self, limit: int) -> list[JobRecord]:
        """The jobs that were submitted last, newest first."""
        page = min(limit, _PAGE)
        each = [self._query(BY_STATE, "state", state, newest_first=True, page=page) for state in STATES]
        merged = heapq.merge(*each, key=lambda record: record.submitted_at, reverse=True)
        return list(islice(merged, limit))

    def starting_with(self, start: str) -> list[str]:
        """The ids that start so, of which at least six characters are given."""
        records = self._query(BY_PREFIX, "prefix", start[:PREFIX_LENGTH])
        return sorted({r.job.job_id for r in records if r.job.job_id.startswith(start)})

    def _query(
        self, index: str, key: str, value: str, *, newest_first: bool = False, page: int = _PAGE
    ) -> Iterator[JobRecord]:
        ask = partial(
            self._client.query,
            TableName=self._table,
            IndexName=index,
            KeyConditionExpression="#key = :value",
            ExpressionAttributeNames={"#key": key},
            ExpressionAttributeValues={":value": {"S": value}},
            ScanIndexForward=not newest_first,
            Limit=page,
        )
        answer = ask()
        while True:
            for item in answer["Items"]:
                with suppress(ValueError):  # of another version: what this one reads can still be listed
                    yield _record(item)
            if "LastEvaluatedKey" not in answer:
                return
            answer = ask(ExclusiveStartKey=answer["LastEvaluatedKey"])


def _record(item: Any) -> JobRecord:  # noqa: ANN401 - attributes as DynamoDB writes them
    return JobRecord.of({name: _value(attribute) for name, attribute in item.items()})
