"""Where events and notifications end: queues and functions."""

from __future__ import annotations

import logging
import sched
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from moto.sqs.models import sqs_backends

from local_aws.functions.model import Invocation
from local_aws.messaging.faults import Channel, FaultPlan
from local_aws.repeating import repeating

_log = logging.getLogger(__name__)
_TICK_SECONDS: Final = 0.02

Invoke = Callable[[str, bytes], Invocation]
"""Calls a function by its name with a JSON payload, and waits for its answer."""


class Targets:
    """Delivers to queues and functions, as often and as late as a fault plan decides.

    A function is called asynchronously and once: whoever publishes never waits for it.

    Args:
        invoke: calls a function by its name; from several threads at once.
        faults: what goes wrong on purpose.
        minute_seconds: how long a minute of a schedule lasts; tests have no minutes to spare.
    """

    def __init__(self, invoke: Invoke, faults: FaultPlan, minute_seconds: float = 60.0) -> None:
        self._invoke, self._faults, self.minute_seconds = invoke, faults, minute_seconds
        self._functions = ThreadPoolExecutor(max_workers=8, thread_name_prefix="aws-targets")
        self._clock = sched.scheduler()

    @contextmanager
    def delivering(self) -> Iterator[None]:
        """Deliver inside the block; what is not due at its end is dropped."""
        with repeating(self._do_what_is_due, _TICK_SECONDS):
            yield
        self._functions.shutdown(wait=False, cancel_futures=True)

    def send(
        self,
        channel: Channel | None,
        arn: str,
        text: str,
        *,
        identity: str | None = None,
        dead_letter: str | None = None,
        **parameters: Any,
    ) -> None:
        """Deliver a text; whatever goes wrong is logged.

        Args:
            channel: of the fault plan; None delivers once.
            arn: of a queue or a function.
            identity: what the plan knows the message by, unless by its text.
            dead_letter: ARN of the queue for what cannot be delivered.
            parameters: of moto's `send_message`, where the target is a queue.
        """
        for delay in (0.0,) if channel is None else self._faults.deliveries(channel, identity or text):
            self.later(delay, partial(self._deliver, arn, text, dead_letter, parameters))

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something short after so many seconds; dropped where it is not due before the end."""
        if seconds > 0:
            self._clock.enter(seconds, 0, action)
        else:
            action()

    def _do_what_is_due(self) -> None:
        self._clock.run(blocking=False)

    def _deliver(self, arn: str, text: str, dead_letter: str | None, parameters: dict[str, Any]) -> None:
        if ":function:" in arn:
            self._functions.submit(_attempt, partial(self._call, arn, text), arn, text, dead_letter)
        else:
            _attempt(partial(send_message, arn, text, **parameters), arn, text, dead_letter)

    def _call(self, arn: str, text: str) -> None:
        answer = self._invoke(function_of(arn), text.encode())
        if answer.error is not None:
            _log.warning("%s failed on an event: %s", arn, answer.error)


def _attempt(deliver: Callable[[], None], arn: str, text: str, dead_letter: str | None) -> None:
    try:
        deliver()
    except Exception as error:  # moto raises many kinds
        _log.warning("no delivery to %s: %s", arn, type(error).__name__)
        if dead_letter is not None:
            _attempt(partial(send_message, dead_letter, text), dead_letter, text, None)


def send_message(arn: str, text: str, **parameters: Any) -> None:
    """Put a message into a queue; raises what moto does."""
    _, _, _, region, account, name = arn.split(":")
    sqs_backends[account][region].send_message(queue_name=name, message_body=text, **parameters)


def function_of(arn: str) -> str:
    """The name of a function, of its ARN with or without a qualifier."""
    return arn.split(":")[6]
