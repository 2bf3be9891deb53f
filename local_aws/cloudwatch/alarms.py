"""Alarms: made and described as CloudWatch does, evaluated, and what follows when their state changes."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final

from botocore import xform_name
from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.models import Alarm, cloudwatch_backends
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult
from moto.sns.models import sns_backends
from moto.utilities.paginator import Paginator

from local_aws.account import ACCOUNT, REGION
from local_aws.cloudwatch.alarm_evaluation import OPERATORS, Verdict, evaluated, rule_holds
from local_aws.cloudwatch.metrics import SEAMS, Metrics, seconds

_RESPONSES: Final = "moto.cloudwatch.responses:CloudWatchResponse"
_CARRIED: Final = ("state_value", "state_reason", "state_reason_data", "state_updated_timestamp", "history")
_TRIGGER: Final = (
    "MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Unit", "Period", "EvaluationPeriods",
    "DatapointsToAlarm", "ComparisonOperator", "Threshold", "TreatMissingData",
)  # fmt: skip
_KINDS: Final = ("MetricAlarm", "CompositeAlarm")
_numbers: Final = count()
_log = logging.getLogger(__name__)


def evaluate(metrics: Metrics, now: float | None = None) -> None:
    """Bring every alarm into the state that it ought to have, those on other alarms last.

    Args:
        metrics: all there are.
        now: in seconds since 1970.
    """
    alarms = cloudwatch_backends[ACCOUNT][REGION].alarms
    for alarm in sorted(alarms.copy().values(), key=_kind, reverse=True):
        try:
            verdict = (
                evaluated(alarm, metrics, now or time.time())
                if alarm.rule is None
                else _composed(alarm, alarms)
            )
        except ValidationError:  # a metric of its maths has changed
            _log.exception("alarm %s cannot be evaluated", alarm.name)
            continue
        if verdict and verdict.state != alarm.state_value:
            alarm.update_state(verdict.reason, "{}", verdict.state)


def _composed(alarm: Alarm, alarms: dict[str, Alarm]) -> Verdict:
    holds = rule_holds(alarm.rule, {name: each.state_value for name, each in alarms.copy().items()})
    return Verdict("ALARM" if holds else "OK", f"The alarm rule is {str(holds).lower()}: {alarm.rule}")


@SEAMS.replaces(f"{_RESPONSES}.put_metric_alarm")
def _put_metric_alarm(
    metrics: Metrics, original: Callable[..., ActionResult], call: CloudWatchResponse
) -> ActionResult:
    alarms, name = call.cloudwatch_backend.alarms, call._get_param("AlarmName")
    before = alarms.get(name)
    answer = original(call)
    alarm = alarms[name]
    alarm.metrics = call._get_param("Metrics") or []
    alarm.queries = alarm.metrics or [{"Id": "alarm", "MetricStat": _metric_stat(call)}]
    try:
        _check(alarm, metrics)
    except Exception:
        del alarms[name]
        alarms.update({name: before} if before else {})
        raise
    alarm.state_value = "INSUFFICIENT_DATA"
    for member in _CARRIED if before else ():
        setattr(alarm, member, getattr(before, member))
    _record(alarm, "ConfigurationUpdate", f'Alarm "{name}" {"updated" if before else "created"}')
    return answer


def _metric_stat(call: CloudWatchResponse) -> dict[str, Any]:
    names = ("Namespace", "MetricName", "Dimensions")
    stat = call._get_param("Statistic") or call._get_param("ExtendedStatistic")
    measured = {name: call._get_param(name) for name in ("Period", "Unit")}
    return {"Metric": {name: call._get_param(name) for name in names}, "Stat": stat, **measured}


def _check(alarm: Alarm, metrics: Metrics) -> None:
    if alarm.rule is not None:
        rule_holds(alarm.rule, {})
        return
    if alarm.threshold_metric_id or alarm.comparison_operator not in OPERATORS:
        raise NotImplementedError("alarms on anomaly detection")
    if alarm.evaluate_low_sample_count_percentile == "ignore":
        raise NotImplementedError("alarms that ignore percentiles of few samples")
    if alarm.threshold is None or not (alarm.period or alarm.metrics):
        raise ValidationError("An alarm on a metric needs Threshold and Period")
    evaluated(alarm, metrics, time.time())


@SEAMS.replaces(f"{_RESPONSES}.put_composite_alarm")
def _put_composite_alarm(_metrics: Metrics, _original: object, call: CloudWatchResponse) -> ActionResult:
    if call._get_param("ActionsSuppressor"):
        raise NotImplementedError("composite alarms with ActionsSuppressor")
    return call.put_metric_alarm()


@SEAMS.replaces("moto.cloudwatch.models:Alarm.update_state")
def _update_state(
    _metrics: Metrics, _original: object, alarm: Alarm, reason: str, reason_data: str, state_value: str
) -> None:
    old = {"stateValue": alarm.state_value, "stateReason": alarm.state_reason}
    alarm.state_value, alarm.state_reason, alarm.state_reason_data = state_value, reason, reason_data
    alarm.state_updated_timestamp = datetime.now(UTC)
    if old["stateValue"] == state_value:
        return
    new = {"stateValue": state_value, "stateReason": reason}
    summary = f"Alarm updated from {old['stateValue']} to {state_value}"
    _record(alarm, "StateUpdate", summary, {"version": "1.0", "oldState": old, "newState": new})
    actions = {"ALARM": alarm.alarm_actions, "OK": alarm.ok_actions}.get(
        state_value, alarm.insufficient_data_actions
    )
    for action in actions if alarm.actions_enabled else ():
        _record(alarm, "Action", _acted(alarm, action, old["stateValue"]))


def _acted(alarm: Alarm, action: str, old_state: str) -> str:
    if not action.startswith("arn:aws:sns:"):
        return f"Failed to execute action {action}. The local AWS serves topics of SNS alone"
    subject = f'{alarm.state_value}: "{alarm.name}" in {REGION}'[:99]
    try:
        sns_backends[ACCOUNT][REGION].publish(json.dumps(_message(alarm, old_state)), action, subject=subject)
    except Exception as error:  # whatever the topic's subscribers raise, the other actions follow
        _log.exception("alarm %s: action %s failed", alarm.name, action)
        return f"Failed to execute action {action}. Received error: {error}"
    return f"Successfully executed action {action}"


def _message(alarm: Alarm, old_state: str) -> dict[str, Any]:
    dimensions = [{"name": one.name, "value": one.value} for one in alarm.dimensions]
    trigger = {name: getattr(alarm, xform_name(name)) for name in _TRIGGER} | {"Dimensions": dimensions}
    return {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": ACCOUNT,
        "NewStateValue": alarm.state_value,
        "NewStateReason": alarm.state_reason,
        "OldStateValue": old_state,
        "StateChangeTime": alarm.state_updated_timestamp.isoformat(timespec="milliseconds"),
        "Region": REGION,
        "AlarmArn": alarm.alarm_arn,
        **({"Trigger": trigger} if alarm.rule is None else {"AlarmRule": alarm.rule}),
    }


@SEAMS.replaces(f"{_RESPONSES}.describe_alarms")
def _describe_alarms(_metrics: Metrics, _original: object, call: CloudWatchResponse) -> ActionResult:
    if call._get_param("ChildrenOfAlarmName") or call._get_param("ParentsOfAlarmName"):
        raise NotImplementedError("DescribeAlarms by children or parents")
    names, state = call._get_param("AlarmNames"), call._get_param("StateValue")
    prefix, action = call._get_param("AlarmNamePrefix") or "", call._get_param("ActionPrefix") or ""
    found = [
        alarm
        for alarm in _of_types(call)
        if (not names or alarm.name in names)
        and alarm.name.startswith(prefix)
        and state in {None, alarm.state_value}
        and (not action or any(each.startswith(action) for each in alarm.alarm_actions))
    ]
    page, token = _page(call, sorted(found, key=lambda alarm: alarm.name), 50, "name")
    kinds = {f"{kind}s": [alarm for alarm in page if _kind(alarm) == kind] for kind in _KINDS}
    return ActionResult({**kinds, "NextToken": token})


@SEAMS.replaces(f"{_RESPONSES}.describe_alarm_history")
def _describe_alarm_history(_metrics: Metrics, _original: object, call: CloudWatchResponse) -> ActionResult:
    name, kind = call._get_param("AlarmName"), call._get_param("HistoryItemType")
    first, last = (call._get_param(each) for each in ("StartDate", "EndDate"))
    items = [
        item
        for alarm in _of_types(call)
        for item in alarm.history
        if name in {None, alarm.name}
        and kind in {None, item["HistoryItemType"]}
        and (first is None or seconds(first) <= item["Timestamp"].timestamp())
        and (last is None or item["Timestamp"].timestamp() <= seconds(last))
    ]
    newest_first = call._get_param("ScanBy") != "TimestampAscending"
    items.sort(key=lambda item: item["number"], reverse=newest_first)
    page, token = _page(call, items, 100, "number")
    return ActionResult({"AlarmHistoryItems": page, "NextToken": token})


def _of_types(call: CloudWatchResponse) -> Iterable[Alarm]:
    kinds = call._get_param("AlarmTypes") or ["MetricAlarm"]
    return [alarm for alarm in call.cloudwatch_backend.alarms.copy().values() if _kind(alarm) in kinds]


def _page(call: CloudWatchResponse, found: list[Any], most: int, unique: str) -> tuple[list[Any], str | None]:
    paginator = Paginator(
        max_results=call._get_param("MaxRecords"),
        max_results_default=most,
        starting_token=call._get_param("NextToken"),
        unique_attribute=unique,
    )
    page: tuple[list[Any], str | None] = paginator.paginate(found)
    return page


def _kind(alarm: Alarm) -> str:
    return _KINDS[alarm.rule is not None]


def _record(alarm: Alarm, kind: str, summary: str, data: object = None) -> None:
    alarm.history.append(
        {
            "number": next(_numbers),
            "AlarmName": alarm.name,
            "AlarmType": _kind(alarm),
            "Timestamp": datetime.now(UTC),
            "HistoryItemType": kind,
            "HistorySummary": summary,
            "HistoryData": json.dumps(data or {"version": "1.0"}),
        }
    )
