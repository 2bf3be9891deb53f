"""EventBridge's schedules: rules with `rate(...)` fire at their times.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
"""

from __future__ import annotations

import logging
import re
import threading
import time
import uuid
from typing import Any, Final

from moto.events.models import Rule, events_backends

from local_aws.account import ACCOUNT, REGION
from local_aws.messaging.events import send
from local_aws.messaging.targets import Targets

_log = logging.getLogger(__name__)
_RATE: Final = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_MINUTES: Final = {"minute": 1, "hour": 60, "day": 24 * 60}
_LOOK_AGAIN_SECONDS: Final = 1.0  # rules may come and go


class Schedule:
    """Fires the scheduled rules of the default bus, each a period after it was first seen, and so on.

    Args:
        minute_seconds: how long a minute of a schedule lasts; tests have no minutes to spare.
    """

    def __init__(self, targets: Targets, minute_seconds: float = 60.0) -> None:
        self._targets, self._minute = targets, minute_seconds
        self._due: dict[tuple[str, str], float] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="aws-schedule", daemon=True)

    def start(self) -> None:
        """Fire from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Fire no more."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self._fire_what_is_due()):
            pass

    def _fire_what_is_due(self) -> float:
        """Fire, and say in how many seconds to look again."""
        now = time.monotonic()
        rules = list(events_backends[ACCOUNT][REGION].event_buses["default"].rules.values())
        periods = {(rule.name, rule.scheduled_expression): (rule, self._period(rule)) for rule in rules}
        self._due = {key: due for key, due in self._due.items() if key in periods}
        for key, (rule, period) in periods.items():
            if period is None:
                continue
            if now >= self._due.setdefault(key, now + period):
                self._due[key] += period * (1 + (now - self._due[key]) // period)
                self._fire(rule)
        next_due = min(self._due.values(), default=now + _LOOK_AGAIN_SECONDS)
        return max(0.0, min(next_due - time.monotonic(), _LOOK_AGAIN_SECONDS))

    def _period(self, rule: Rule) -> float | None:
        match = _RATE.fullmatch(rule.scheduled_expression or "")
        return int(match[1]) * _MINUTES[match[2]] * self._minute if match and int(match[1]) else None

    def _fire(self, rule: Rule) -> None:
        event: dict[str, Any] = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": rule.account_id,
            "time": time.time(),
            "region": rule.region_name,
            "resources": [rule.arn],
            "detail": {},
        }
        try:
            send(self._targets, rule, event)
        except Exception:
            _log.exception("rule %s could not fire", rule.name)
