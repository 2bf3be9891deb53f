"""EventBridge: from rules to their targets. What is not delivered here is refused where it is made.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-structure.html
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, Protocol

from moto.events.exceptions import ValidationException
from moto.events.models import EventsBackend, Rule
from moto.sqs.models import sqs_backends

from local_aws.messaging.faults import FaultPlan
from local_aws.messaging.later import Later
from local_aws.seams import Seams

SEAMS: Final = Seams()
_log = logging.getLogger(__name__)
_MOST_ENTRIES: Final = 10  # of one PutEvents
_NOT_AUTHORISED: Final = {
    "ErrorCode": "NotAuthorizedForSourceException",
    "ErrorMessage": "Not authorized for the source.",
}
_MOST_BYTES: Final = 1024 * 1024  # of the entries of one PutEvents
_SERVED: Final = re.compile(r"arn:[^:]+:(sqs:[^:]+:\d{12}:[^:]+|lambda:[^:]+:\d{12}:function:[^:]+(:[^:]+)?)")
_UNSERVED: Final = (
    "InputTransformer",
    "HttpParameters",
    "EcsParameters",
    "KinesisParameters",
    "BatchParameters",
)


class Invocation(Protocol):
    """What a function answered."""

    @property
    def payload(self) -> bytes:
        """JSON."""

    @property
    def error(self) -> str | None:
        """Handled or Unhandled, when the function failed."""


Invoke = Callable[[str, bytes], Invocation]
"""Calls a function by its name with a JSON payload, and waits for its answer."""


class EventTargets:
    """Delivers events to the queues and functions that rules name.

    Function targets are called asynchronously, once: a caller of EventBridge never waits for them.
    """

    def __init__(self, invoke: Invoke, faults: FaultPlan, later: Later) -> None:
        self._invoke, self._faults, self._later = invoke, faults, later
        self._functions = ThreadPoolExecutor(max_workers=8, thread_name_prefix="aws-events")

    def stop(self) -> None:
        """Call no function for an event any more."""
        self._functions.shutdown(wait=False, cancel_futures=True)

    def send(self, rule: Rule, event: Mapping[str, Any]) -> None:
        """Deliver an event to every target of a rule that is enabled."""
        if rule.state == "DISABLED":
            return
        told = {**event, "time": _time(event.get("time"))}
        told.pop("ingestion-time", None)  # moto's own, and no part of what a target gets
        for target in list(rule.targets):
            text = _input(target, told)
            message = json.dumps({"rule": rule.name, "target": target["Id"], "input": text})
            for delay in self._faults.deliveries("events", message):
                self._later.call(delay, partial(self._deliver, target, text))

    def _deliver(self, target: Mapping[str, Any], text: str) -> None:
        service, name = _address(target["Arn"])
        if service == "lambda":
            self._functions.submit(self._call, name, text)
            return
        try:
            _send_message(target["Arn"], text)
        except Exception as error:  # moto raises many kinds
            dead = target.get("DeadLetterConfig", {}).get("Arn")
            _log.warning("no delivery to queue %s: %s", name, type(error).__name__)
            if dead is not None:
                _send_message(dead, text)

    def _call(self, name: str, text: str) -> None:
        try:
            answer = self._invoke(name, text.encode())
        except Exception:
            _log.exception("function %s could not be called for an event", name)
            return
        if answer.error is not None:
            _log.warning("function %s failed on an event: %s", name, answer.error)


@SEAMS.replaces("moto.events.models:Rule.send_to_targets")
def _send_to_targets(
    targets: EventTargets,
    _original: object,
    rule: Rule,
    event: Mapping[str, Any],
    transform_input: bool = True,
) -> None:
    if rule.event_pattern.get_pattern() and rule.event_pattern.matches_event(event):
        targets.send(rule, event)


@SEAMS.replaces("moto.events.models:EventsBackend.put_targets")
def _put_targets(
    _targets: EventTargets,
    original: Callable[..., None],
    backend: EventsBackend,
    name: str,
    event_bus_arn: str | None,
    targets: list[dict[str, Any]],
) -> None:
    for target in targets:
        _check_target(target)
    original(backend, name, event_bus_arn, targets)


@SEAMS.replaces("moto.events.models:EventsBackend.put_rule")
def _put_rule(
    _targets: EventTargets,
    original: Callable[..., Any],
    backend: EventsBackend,
    name: str,
    **told: Any,
) -> Any:
    if (told.get("scheduled_expression") or "").startswith("cron"):
        raise ValidationException("The local AWS runs rate() schedules only, not cron().")
    return original(backend, name, **told)


@SEAMS.replaces("moto.events.models:EventsBackend.put_events")
def _put_events(
    _targets: EventTargets,
    original: Callable[..., Any],
    backend: EventsBackend,
    events: list[dict[str, Any]],
) -> Any:
    if sum(map(_size, events)) > _MOST_BYTES:
        raise ValidationException("Total size of the entries in the request is over the limit.")
    if len(events) > _MOST_ENTRIES:
        return original(backend, events)  # which says so
    answers = iter(original(backend, [event for event in events if not _claims_to_be_aws(event)]))
    return [_NOT_AUTHORISED if _claims_to_be_aws(event) else next(answers) for event in events]


def _claims_to_be_aws(entry: Mapping[str, Any]) -> bool:
    return str(entry.get("Source") or "").lower().startswith("aws.")


def _address(arn: str) -> tuple[str, str]:
    service, name = arn.split(":")[2], arn.split(":")[6 if ":function:" in arn else 5]
    return service, name


def _send_message(arn: str, text: str) -> None:
    _, _, _, region, account, name = arn.split(":")
    sqs_backends[account][region].send_message(queue_name=name, message_body=text)


def _input(target: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    if target.get("Input"):
        return str(target["Input"])
    value: Any = event
    for part in str(target.get("InputPath") or "$").split(".")[1:]:
        value = value.get(part) if isinstance(value, Mapping) else None
    return json.dumps(value, ensure_ascii=False)


def _check_target(target: Mapping[str, Any]) -> None:
    arn, path = str(target.get("Arn", "")), str(target.get("InputPath") or "$")
    if not _SERVED.fullmatch(arn):
        raise ValidationException(f"The local AWS delivers events to SQS and Lambda, not to {arn}.")
    for name in _UNSERVED:
        if target.get(name):
            raise ValidationException(f"The local AWS does not serve {name} of target {target.get('Id')}.")
    if not (path + ".").startswith("$.") or set(path) & set("[]*?@"):
        raise ValidationException(f"The local AWS serves an InputPath of names alone, not {path}.")


def _size(entry: Mapping[str, Any]) -> int:
    """Bytes of an entry, as EventBridge counts them: 14 for a time, and the UTF-8 of its texts."""
    texts: Sequence[str] = [str(entry.get(name) or "") for name in ("Source", "DetailType", "Detail")] + list(
        entry.get("Resources") or []
    )
    return (14 if entry.get("Time") else 0) + sum(len(text.encode()) for text in texts)


def _time(told: Any) -> str:
    if isinstance(told, str) and not told.replace(".", "", 1).isdigit():
        return told
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(float(told) if told else None))
