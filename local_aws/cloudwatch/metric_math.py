"""Metric maths: expressions over time series, the part of it that alarms and dashboards mostly use.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import Any, Final

from moto.cloudwatch.exceptions import ValidationError

Series = dict[int, float]
"""Values by the start of their period, in seconds since 1970, ordered by it."""
Value = float | Series | list[Series]

_OPERATORS: Final[Mapping[type, Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.And: lambda left, right: bool(left and right),
    ast.Or: lambda left, right: bool(left or right),
}
_AGGREGATES: Final[Mapping[str, Callable[[list[float]], float]]] = {
    "SUM": math.fsum,
    "AVG": lambda values: math.fsum(values) / len(values),
    "MIN": min,
    "MAX": max,
}
_PYTHON: Final = {"&&": " and ", "||": " or ", "AND": " and ", "OR": " or ", "^": "**"}
"""What CloudWatch writes in its own way; the rest of its syntax is Python's."""
_TOKENS: Final = re.compile(r"""("[^"]*"|'[^']*')|&&|\|\||\^|\b(?:AND|OR)\b""")


@dataclass(frozen=True)
class Expression:
    """An expression of metric maths.

    Args:
        text: as it stands in a request.
        resolve: the series of the query with an id; raises ValidationError where there is none.
        periods: those of the metrics of the request, in seconds, by id.
        start: of the first period, in seconds since 1970.
        end: of the last one.
    """

    text: str
    resolve: Callable[[str], Series]
    periods: Mapping[str, int]
    start: int
    end: int

    def evaluate(self) -> Series:
        """The time series that it stands for.

        Raises:
            ValidationError: of moto; it is wrong, not one time series, or uses what is not served.
        """
        python = _TOKENS.sub(lambda match: match[1] or _PYTHON[match[0]], self.text).strip()
        try:
            values = self._value(ast.parse(python, mode="eval").body)
            if not isinstance(values, dict):
                raise TypeError("it is not one time series")
            return {when: value for when, value in values.items() if math.isfinite(value)}
        except (ArithmeticError, LookupError, RecursionError, SyntaxError, TypeError, ValueError) as error:
            text = f"The local AWS does not evaluate {self.text[:200]!r}: {error}"
            raise ValidationError(text) from None

    def _value(self, node: ast.expr) -> Value:
        match node:
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.Name(id=name):
                return self.resolve(name)
            case ast.List(elts=elements):
                return _flat([self._value(element) for element in elements])
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return _combined(ast.Mult(), -1.0, self._value(operand))
            case (
                ast.BinOp(left=left, op=op, right=right)
                | ast.Compare(left=left, ops=[op], comparators=[right])
            ):
                return _combined(op, self._value(left), self._value(right))
            case ast.BoolOp(op=op, values=nodes):
                return reduce(lambda left, right: _combined(op, left, right), map(self._value, nodes))
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self._called(name, arguments)
        raise ValueError(f"no {ast.unparse(node)[:40]!r}")

    def _called(self, name: str, nodes: list[ast.expr]) -> Value:
        match name, nodes:
            case "METRICS", _:
                part = "".join(ast.literal_eval(node) for node in nodes)
                return [self.resolve(each) for each in self.periods if part in each]
            case "PERIOD", [ast.Name(id=metric)]:
                return float(self.periods[metric])
            case "FILL", [filled, ast.Name(id="REPEAT")]:
                return self._filled(self._value(filled), None)
        return self._applied(name, [self._value(node) for node in nodes])

    def _applied(self, name: str, arguments: list[Value]) -> Value:
        match name, arguments:
            case "FILL", [filled, (float() | dict()) as filling]:
                return self._filled(filled, filling)
            case "IF", [dict() as condition, chosen, *other]:
                other = other or [{}]
                picked = {when: _at(when, chosen if holds else other[0]) for when, holds in condition.items()}
                return {when: value for when, value in picked.items() if value is not None}
            case "IF", [condition, chosen, *other]:
                return chosen if condition else other[0]
            case "DIFF" | "RATE", [dict() as series]:
                steps = {after: after - before if name == "RATE" else 1 for before, after in pairwise(series)}
                changes = {after: series[after] - series[before] for before, after in pairwise(series)}
                return {when: change / steps[when] for when, change in changes.items()}
            case aggregate, [dict() as series] if aggregate in _AGGREGATES:
                return _AGGREGATES[name](list(series.values())) if series else math.nan
            case aggregate, [list() as several] if aggregate in _AGGREGATES:
                times = sorted({when for series in several for when in series})
                return {when: _AGGREGATES[name]([s[when] for s in several if when in s]) for when in times}
        raise ValueError(f"no function {name[:40]} of these arguments")

    def _filled(self, value: Value, filling: float | Series | None) -> Value:
        """With a number, the value of another series, or the last value (None) where it has none."""
        if not isinstance(value, dict):
            return _flat(self._filled(series, filling) for series in _flat([value]))
        filled: Series = {}
        step = min(self.periods.values())
        for when in range(self.start, self.end, step):
            other = filled.get(when - step) if filling is None else _at(when, filling)
            if (found := value.get(when, other)) is not None:
                filled[when] = found
        return filled


def _at(when: int, value: Any) -> float | None:
    """A number is the same at all times; a series may have nothing at one."""
    return value.get(when) if isinstance(value, dict) else float(value)


def _flat(values: Iterable[Value]) -> list[Series]:
    flat: list[Series] = []
    for value in values:
        if isinstance(value, float):
            raise TypeError("a number stands where a time series must")
        flat += value if isinstance(value, list) else [value]
    return flat


def _combined(op: ast.AST, left: Value, right: Value) -> Value:
    """At every time that both have; a comparison at those that one has, with 0 for what is missing."""
    if isinstance(left, list):
        return _flat(_combined(op, each, right) for each in left)
    if isinstance(right, list):
        return _flat(_combined(op, left, each) for each in right)
    function, missing = _OPERATORS[type(op)], None if isinstance(op, ast.operator) else 0.0
    if not isinstance(left, dict) and not isinstance(right, dict):
        return float(function(left, right))
    combined: Series = {}
    for when in sorted({when for value in (left, right) if isinstance(value, dict) for when in value}):
        pair = [missing if value is None else value for value in (_at(when, left), _at(when, right))]
        with suppress(ArithmeticError, TypeError):  # a division by zero, or with nothing
            combined[when] = float(function(*pair))
    return combined
