"""Where events and notifications end: queues and functions."""

from __future__ import annotations

import logging
import sched
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol, Self

from moto.sqs.models import sqs_backends

from local_aws.messaging.faults import Channel, FaultPlan

__all__ = ["Invocation", "Invoke", "Targets", "function_of", "send_message"]

_log = logging.getLogger(__name__)


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


class Targets:
    """Delivers to queues and functions, as often and as late as a fault plan says; a context manager.

    A function is called asynchronously and once: whoever publishes never waits for it.

    Args:
        invoke: calls a function by its name; from several threads at once.
        minute_seconds: how long a minute of a schedule lasts; tests have no minutes to spare.
    """

    def __init__(self, invoke: Invoke, faults: FaultPlan, minute_seconds: float = 60.0) -> None:
        self._invoke, self._faults, self.minute_seconds = invoke, faults, minute_seconds
        self._functions = ThreadPoolExecutor(max_workers=8, thread_name_prefix="aws-targets")
        self._later = sched.scheduler()
        self._changed, self._stopping = threading.Event(), False
        self._thread = threading.Thread(target=self._run, name="aws-later", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Deliver nothing more; what is not due yet is dropped."""
        self._stopping = True
        self._changed.set()
        self._thread.join()
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
        delays = (0.0,) if channel is None else self._faults.deliveries(channel, identity or text)
        for delay in delays:
            action = partial(self._deliver, arn, text, dead_letter, parameters)
            if delay <= 0:
                action()
            else:
                self.later(delay, action)

    def later(self, delay: float, action: Callable[[], None]) -> None:
        """Do something short after so many seconds; dropped where it is not due before the end."""
        self._later.enter(delay, 0, action)
        self._changed.set()

    def _deliver(self, arn: str, text: str, dead_letter: str | None, parameters: dict[str, Any]) -> None:
        if ":function:" in arn:
            call = partial(self._call, function_of(arn), text)
            self._functions.submit(_attempt, call, arn, text, dead_letter)
        else:
            _attempt(partial(send_message, arn, text, **parameters), arn, text, dead_letter)

    def _call(self, function: str, text: str) -> None:
        answer = self._invoke(function, text.encode())
        if answer.error is not None:
            _log.warning("function %s failed on an event: %s", function, answer.error)

    def _run(self) -> None:
        while not self._stopping:
            self._changed.clear()
            try:
                wait = self._later.run(blocking=False)
            except Exception:
                _log.exception("a delayed delivery failed")
            else:
                self._changed.wait(wait)


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
