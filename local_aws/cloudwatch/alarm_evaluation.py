"""What state an alarm ought to be in.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Create_Composite_Alarm.html
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.models import Alarm

from local_aws.cloudwatch.metric_queries import Queries
from local_aws.cloudwatch.metrics import Metrics

OPERATORS: Final[Mapping[str, tuple[str, Callable[[float, float], bool]]]] = {
    "GreaterThanOrEqualToThreshold": ("greater than or equal to", operator.ge),
    "GreaterThanThreshold": ("greater than", operator.gt),
    "LessThanThreshold": ("less than", operator.lt),
    "LessThanOrEqualToThreshold": ("less than or equal to", operator.le),
}
_EARLIER_PERIODS: Final = 2
"""So many more than it evaluates are looked at for data; AWS names no number, its example has two."""
_STATE_OF: Final = re.compile(r"""\b(ALARM|OK|INSUFFICIENT_DATA)\(\s*("[^"]+"|'[^']+'|[^\s"'()]+)\s*\)""")
_PYTHON: Final = {"AND": "and", "OR": "or", "NOT": "not", "TRUE": "True", "FALSE": "False"}


class Verdict(NamedTuple):
    """The state that an alarm ought to have, and why."""

    state: str
    reason: str


def evaluated(alarm: Alarm, metrics: Metrics, now: float) -> Verdict | None:
    """Of an alarm on a metric or on metric maths, at a time; None where it stays as it is.

    Raises:
        ValidationError: of moto; its metric maths is wrong or not served.
    """
    values = _newest_first(alarm, metrics, now)
    needed = int(alarm.evaluation_periods)
    wanted = int(alarm.datapoints_to_alarm or needed)
    known = [value for value in values if value is not None][:needed]
    phrase, breaches = OPERATORS[alarm.comparison_operator]
    breaching = sum(breaches(value, float(alarm.threshold)) for value in known)
    missing, treatment = needed - len(known), alarm.treat_missing_data or "missing"
    crossed = breaching + (missing if treatment == "breaching" else 0)
    reason = (
        f"Threshold Crossed: {crossed} out of the last {needed} datapoints {known} were {phrase} "
        f"the threshold ({alarm.threshold}); {missing} were missing and treated as {treatment}."
    )
    if crossed >= wanted:
        return Verdict("ALARM", reason)
    if not missing or treatment in {"breaching", "notBreaching"} or breaching < len(known):
        return Verdict("OK", reason)
    if treatment == "ignore":
        return None
    if not known:
        return Verdict("INSUFFICIENT_DATA", f"Insufficient Data: {needed} datapoints were unknown.")
    # Each that is known breaches: that is enough where the oldest is as old as so many datapoints.
    oldest = max(age for age, value in enumerate(values, 1) if value is not None)
    return Verdict("ALARM", reason) if oldest >= wanted else None


def _newest_first(alarm: Alarm, metrics: Metrics, now: float) -> Sequence[float | None]:
    """The values of the periods that are over."""
    [shown] = [query["Id"] for query in alarm.queries if query.get("ReturnData", True)]
    period = max([*Queries(metrics, alarm.queries, now, now).periods.values()] or [60])
    end = int(now // min(60, period) * min(60, period))
    start = end - period * (int(alarm.evaluation_periods) + _EARLIER_PERIODS)
    values = Queries(metrics, alarm.queries, start, end).series(shown)
    return [values.get(when) for when in range(end - period, start - 1, -period)]


def rule_holds(rule: str, states: Mapping[str, str]) -> bool:
    """Whether the rule of a composite alarm is true for the states of alarms, by their name or ARN.

    Raises:
        ValidationError: of moto; it cannot be understood.
    """

    def stands(match: re.Match[str]) -> str:
        name = match[2].strip("\"'")
        return "TRUE" if states.get(name.rpartition(":alarm:")[2]) == match[1] else "FALSE"

    logic = re.sub(r"\b[A-Z]+\b", lambda word: _PYTHON.get(word[0], word[0]), _STATE_OF.sub(stands, rule))
    try:
        return _truth(ast.parse(logic.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError):
        raise ValidationError(f"AlarmRule {rule[:200]!r} cannot be understood") from None


def _truth(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=bool() as value):
            return value
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _truth(operand)
        case ast.BoolOp(op=op, values=values):
            return (all if isinstance(op, ast.And) else any)([_truth(value) for value in values])
    raise ValueError(node)
