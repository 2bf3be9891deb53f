"""Slots: how many executions may be under way at once.

One item of the table of jobs has the names of the executions that hold a slot, as a set. So a slot is taken
under the condition that one is free, giving it back twice changes nothing, and who holds one is known.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import boto3
from boto3.dynamodb.conditions import Attr, ConditionBase
from botocore.exceptions import ClientError

from hybrid_ocr.storage.faults import CONFIG, is_condition

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

_KEY: Final = {"job_id": "slots"}
"""No job has this id."""


class Taken(StrEnum):
    """What came of asking for a slot."""

    TAKEN = "taken"
    HELD = "held"
    """Somebody has taken it for this execution before."""
    FULL = "full"


class Slots:
    """The slots of a deployment.

    Args:
        name: of the table of jobs.
        most: how many there are.
        table: a resource of boto3; by default one from the environment.
    """

    def __init__(self, name: str, most: int, table: Table | None = None) -> None:
        self._table: Table = table or boto3.resource("dynamodb", config=CONFIG).Table(name)
        self._most = most

    def take(self, execution: str) -> Taken:
        """Take a slot for an execution if one is free."""
        holders = Attr("holders")
        free = holders.not_exists() | (holders.size().lt(self._most) & ~holders.contains(execution))
        try:
            self._change("ADD", execution, free)
        except ClientError as error:
            if not is_condition(error):
                raise
            item: Any = error.response.get("Item", {})
            return Taken.HELD if execution in item.get("holders", {}).get("SS", ()) else Taken.FULL
        return Taken.TAKEN

    def hold(self, execution: str) -> None:
        """Note that an execution has a slot though none may have been free: it runs, and is counted."""
        self._change("ADD", execution)

    def give_back(self, execution: str) -> None:
        """Free the slot of an execution; one that has none is none the worse."""
        self._change("DELETE", execution)

    def holders(self) -> frozenset[str]:
        """The executions that hold a slot."""
        item = self._table.get_item(Key=_KEY, ConsistentRead=True).get("Item", {})
        names: Any = item.get("holders", ())
        return frozenset(map(str, names))

    def _change(self, action: str, execution: str, only: ConditionBase | None = None) -> None:
        condition: dict[str, Any] = {}
        if only is not None:
            condition = {"ConditionExpression": only, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        self._table.update_item(
            Key=_KEY,
            UpdateExpression=f"{action} holders :names",
            ExpressionAttributeValues={":names": {execution}},
            **condition,
        )
