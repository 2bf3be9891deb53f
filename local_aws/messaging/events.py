"""EventBridge: from rules to their targets. What is not delivered here is refused where it is made.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-structure.html
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from moto.events.exceptions import InvalidEventPatternException, ValidationException
from moto.events.models import EventPattern, EventsBackend, Rule, events_backends

from local_aws.account import ACCOUNT, REGION
from local_aws.messaging.targets import Targets
from local_aws.seams import Seams
from local_aws.unserved import NotServedError

SEAMS: Final = Seams()
_MOST_ENTRIES: Final = 10  # of one PutEvents
_MOST_BYTES: Final = 1024 * 1024
_NOT_AUTHORISED: Final = {
    "ErrorCode": "NotAuthorizedForSourceException",
    "ErrorMessage": "Not authorized for the source.",
}
_SERVED: Final = re.compile(
    rf"arn:aws:(sqs:{REGION}:{ACCOUNT}:[^:]+|lambda:{REGION}:{ACCOUNT}:function:[^:]+(:[^:]+)?)"
)
_OF_A_TARGET: Final = frozenset(
    {"Id", "Arn", "RoleArn", "Input", "DeadLetterConfig", "RetryPolicy", "SqsParameters"}
)
"""A delivery fails here only where its target is gone, so RetryPolicy has nothing to do."""
_RATE: Final = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_MINUTES: Final = {"minute": 1, "hour": 60, "day": 24 * 60}
_MATCHES: Final = frozenset(
    {"anything-but", "cidr", "equals-ignore-case", "exists", "numeric", "prefix", "suffix", "wildcard"}
)
_OF_AN_EVENT: Final = ("id", "account", "source", "time", "region", "resources", "detail-type")


def start_schedules(targets: Targets) -> None:
    """Fire the rules with a rate that are there already."""
    for rule in list(events_backends[ACCOUNT][REGION].event_buses["default"].rules.values()):
        _schedule(targets, rule)


def _schedule(targets: Targets, rule: Rule) -> None:
    """Let a rule with a rate fire a period from now, and so on, until another takes its place."""
    match = _RATE.fullmatch(rule.scheduled_expression or "")
    if match is not None and int(match[1]):
        period = int(match[1]) * _MINUTES[match[2]] * targets.minute_seconds
        targets.later(period, partial(_fire, targets, rule))


def _fire(targets: Targets, rule: Rule) -> None:
    rules = events_backends[ACCOUNT][REGION].event_buses["default"].rules
    if rules.get(rule.name) is not rule:
        return
    _schedule(targets, rule)
    _send(targets, rule, aws_event("aws.events", "Scheduled Event", rule.arn, {}))


def aws_event(source: str, detail_type: str, resource: str, detail: Mapping[str, Any]) -> dict[str, Any]:
    """An event that a service of AWS sends: who sends it, what has happened, to which resource by its ARN."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": ACCOUNT,
        "time": _time(None),
        "region": REGION,
        "resources": [resource],
        "detail": detail,
    }


def _send(targets: Targets, rule: Rule, event: Mapping[str, Any]) -> None:
    """Deliver an event to every target of a rule that is enabled."""
    if rule.state == "DISABLED":
        return
    event = {**event, "time": _time(event.get("time"))}
    event.pop("ingestion-time", None)  # moto's own, and no part of what a target gets
    for target in list(rule.targets):
        text = target.get("Input") or json.dumps(event, ensure_ascii=False)
        group = target.get("SqsParameters", {}).get("MessageGroupId")
        targets.send(
            "events",
            target["Arn"],
            text,
            identity=json.dumps({"rule": rule.name, "target": target["Id"], "input": text}),
            dead_letter=target.get("DeadLetterConfig", {}).get("Arn"),
            **({"group_id": group} if group else {}),
        )


def _time(value: Any) -> str:
    if isinstance(value, str) and not value.replace(".", "", 1).isdigit():
        return value
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(float(value) if value else None))


@SEAMS.replaces("moto.events.models:Rule.send_to_targets")
def _send_to_targets(
    targets: Targets, _original: object, rule: Rule, event: Any, transform_input: bool = True
) -> None:
    if rule.event_pattern.get_pattern() and rule.event_pattern.matches_event(_merged(event)):
        _send(targets, rule, event)


def _merged(value: Any) -> Any:
    """A value with one object of lists in place of a list of objects, which patterns look into."""
    if isinstance(value, list) and value and all(isinstance(part, dict) for part in value):
        lists: dict[str, list[Any]] = defaultdict(list)
        for name, part in (item for each in value for item in each.items()):
            lists[name] += part if isinstance(part, list) else [part]
        value = lists
    return {name: _merged(part) for name, part in value.items()} if isinstance(value, dict) else value


@SEAMS.replaces("moto.events.models:EventsBackend.put_targets")
def _put_targets(_state: Targets, original: Callable[..., None], *args: Any) -> None:
    for target in args[-1]:
        _check_target(target)
    original(*args)


@SEAMS.replaces("moto.events.models:EventsBackend.put_rule")
def _put_rule(
    targets: Targets, original: Callable[..., Rule], backend: EventsBackend, name: str, **values: Any
) -> Rule:
    if (values.get("scheduled_expression") or "").startswith("cron"):
        raise NotServedError("with cron(), only with rate()")
    _check_pattern(EventPattern.load(values.get("event_pattern")).get_pattern())
    rule = original(backend, name, **values)
    _schedule(targets, rule)
    return rule


@SEAMS.replaces("moto.events.responses:EventsHandler.test_event_pattern")
def _test_event_pattern(_targets: Targets, _original: object, handler: Any) -> str:
    pattern = EventPattern.load(handler._get_param("EventPattern"))
    _check_pattern(pattern.get_pattern())
    try:
        event = json.loads(handler._get_param("Event"))
    except ValueError:
        raise ValidationException("Parameter Event is not valid JSON.") from None
    missing = [name for name in _OF_AN_EVENT if not isinstance(event, dict) or name not in event]
    if missing:
        raise ValidationException(f"Parameter Event has no {', '.join(missing)}.")
    return json.dumps({"Result": pattern.matches_event(_merged(event))})


def _check_pattern(pattern: Mapping[str, Any]) -> None:
    """Raise where a pattern has a match that nobody knows; moto takes it to match everything."""
    for name, value in pattern.items():
        for part in value if isinstance(value, list) else [value]:
            if name == "$or" or isinstance(value, dict):
                _check_pattern(part)
            elif isinstance(part, dict) and not part.keys() <= _MATCHES:
                raise InvalidEventPatternException(f"Unrecognized match type {next(iter(part))}")


@SEAMS.replaces("moto.events.models:EventsBackend.put_events")
def _put_events(
    _targets: Targets, original: Callable[..., Any], backend: EventsBackend, events: list[dict[str, Any]]
) -> Any:
    if sum(map(_size, events)) > _MOST_BYTES:
        raise ValidationException("Total size of the entries in the request is over the limit.")
    if len(events) > _MOST_ENTRIES:
        return original(backend, events)  # which refuses them
    forged = [str(event.get("Source") or "").lower().startswith("aws.") for event in events]
    answers = iter(original(backend, [event for event, bad in zip(events, forged, strict=True) if not bad]))
    return [_NOT_AUTHORISED if bad else next(answers) for bad in forged]


def _size(entry: Mapping[str, Any]) -> int:
    """Bytes of an entry, as EventBridge counts them: 14 for a time, and the UTF-8 of its texts."""
    texts = [entry.get(name) or "" for name in ("Source", "DetailType", "Detail")]
    return 14 * bool(entry.get("Time")) + len("".join([*texts, *(entry.get("Resources") or [])]).encode())


def _check_target(target: Mapping[str, Any]) -> None:
    arn, unserved = str(target.get("Arn", "")), {name for name in target if target[name]} - _OF_A_TARGET
    if not _SERVED.fullmatch(arn):
        raise NotServedError(f"with target {arn}, only with queues and functions of this account and region")
    if unserved:
        raise NotServedError(f"with {', '.join(sorted(unserved))} of target {target.get('Id')}")
    if arn.endswith(".fifo") and not target.get("SqsParameters", {}).get("MessageGroupId"):
        raise ValidationException(
            f"Parameter(s) MessageGroupId must be specified for target: {target.get('Id')}."
        )
