"""A DynamoDB table in memory, as far as this project's own writes go: fast enough for twenty thousand jobs.

tests/functions/test_jobs.py runs the same tests on it and on moto.
"""

from __future__ import annotations

import re
import threading
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from boto3.dynamodb.conditions import ConditionBase, Size
from botocore.exceptions import ClientError

_CLAUSE: Final = re.compile(r"\b(SET|REMOVE|ADD|DELETE)\s")
_OR_ITSELF: Final = re.compile(r"if_not_exists\((\S+), (:\w+)\)")
_COMMA: Final = re.compile(r",\s*(?![^(]*\))")

Item = dict[str, Any]


class MemoryTable:
    """Items by their key, and one index by an attribute, sorted by another.

    Args:
        key: the attribute that is the key.
        index: the attribute that the index has as its key.
        sort: the attribute that it is sorted by.
    """

    def __init__(self, key: str, index: str, sort: str) -> None:
        self._key, self._index, self._sort = key, index, sort
        self.items: dict[str, Item] = {}
        self._indexed: defaultdict[str, list[tuple[Any, str]]] = defaultdict(list)
        self._lock = threading.Lock()

    def put_item(self, Item: Item, ConditionExpression: ConditionBase) -> None:  # noqa: N803 - as boto3
        with self._lock:
            self._check(self.items.get(Item[self._key], {}), ConditionExpression)
            self._keep({**Item})

    def get_item(self, Key: Mapping[str, str], **_: object) -> dict[str, Any]:  # noqa: N803
        with self._lock:
            item = self.items.get(Key[self._key])
            return {"Item": {**item}} if item else {}

    def update_item(
        self,
        Key: Mapping[str, str],  # noqa: N803
        UpdateExpression: str,  # noqa: N803
        ConditionExpression: ConditionBase | None = None,  # noqa: N803
        ExpressionAttributeNames: Mapping[str, str] | None = None,  # noqa: N803
        ExpressionAttributeValues: Mapping[str, Any] | None = None,  # noqa: N803
        **_: object,
    ) -> None:
        with self._lock:
            old = self.items.get(Key[self._key], {})
            self._check(old, ConditionExpression)
            names, values = ExpressionAttributeNames or {}, ExpressionAttributeValues or {}
            self._keep(_updated({**Key, **old}, UpdateExpression, names, values))

    def query(self, KeyConditionExpression: ConditionBase, Limit: int, **told: Any) -> dict[str, Any]:  # noqa: N803
        """Oldest first; the place where the next page starts is a pair of sort key and key."""
        _, wanted = KeyConditionExpression.get_expression()["values"]
        with self._lock:
            rows = self._indexed[wanted]
            first = bisect_right(rows, told.get("ExclusiveStartKey", ()))
            page = rows[first : first + Limit]
            more = {"LastEvaluatedKey": page[-1]} if first + Limit < len(rows) else {}
            return {"Items": [{**self.items[key]} for _, key in page], **more}

    def _keep(self, item: Item) -> None:
        key = item[self._key]
        before = self.items.get(key, {})
        if self._index in before:
            rows = self._indexed[before[self._index]]
            del rows[bisect_left(rows, (before[self._sort], key))]
        if self._index in item:
            insort(self._indexed[item[self._index]], (item[self._sort], key))
        self.items[key] = item

    def _check(self, item: Item, condition: ConditionBase | None) -> None:
        if condition is not None and not _holds(condition, item):
            shown = {"holders": {"SS": sorted(item["holders"])}} if "holders" in item else {}
            told: Any = {"Error": {"Code": "ConditionalCheckFailedException"}, "Item": shown}
            raise ClientError(told, "UpdateItem")


def _updated(item: Item, expression: str, names: Mapping[str, str], values: Mapping[str, Any]) -> Item:
    _, *parts = _CLAUSE.split(expression)
    for clause, text in zip(parts[::2], parts[1::2], strict=True):
        for change in _COMMA.split(text.strip()):
            if clause == "SET":
                name, value = change.split(" = ")
                name = names.get(name, name)
                kept = _OR_ITSELF.fullmatch(value)
                item[name] = item.get(name, values[kept[2]]) if kept else values[value]
            elif clause == "REMOVE":
                item.pop(names.get(change, change), None)
            else:
                name, value = change.split(" ")
                held = frozenset(item.pop(name, ()))
                left = held | values[value] if clause == "ADD" else held - values[value]
                item |= {name: left} if left else {}
    return item


def _holds(condition: ConditionBase, item: Item) -> bool:
    told = condition.get_expression()
    operator, operands = told["operator"], told["values"]
    match operator:
        case "AND" | "OR":
            found = (_holds(operand, item) for operand in operands)
            return all(found) if operator == "AND" else any(found)
        case "NOT":
            return not _holds(operands[0], item)
        case "attribute_exists" | "attribute_not_exists":
            return (operands[0].name in item) == (operator == "attribute_exists")
    left = _value(operands[0], item)
    match operator:
        case "=":
            return bool(left == operands[1])
        case "<":
            return left is not None and bool(left < operands[1])
        case "contains":
            return operands[1] in (left or ())
    raise NotImplementedError(operator)


def _value(operand: Any, item: Item) -> Any:
    if isinstance(operand, Size):
        [attribute] = operand.get_expression()["values"]
        held = item.get(attribute.name)
        return None if held is None else len(held)
    return item.get(operand.name)
