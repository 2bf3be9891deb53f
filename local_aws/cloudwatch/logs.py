"""CloudWatch Logs: what functions and containers write, for `aws logs tail` and FilterLogEvents."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any, Final, NoReturn

from moto.logs.exceptions import InvalidParameterException
from moto.logs.models import LogGroup, LogStream, logs_backends
from moto.logs.responses import LogsResponse

from local_aws.account import ACCOUNT, REGION
from local_aws.cloudwatch.metrics import SEAMS

EVENTS_KEPT: Final = 10_000
"""Of each stream, the newest; twice as many for a moment."""

_PATTERN: Final = re.compile(r'\s*|"[^"]*"|[^\W\d_][\w.:/=@-]*( \w[\w.:/=@-]*)*')
"""The filter patterns that moto knows: words that are all in the message, or one quoted phrase."""


class LogGroups:
    """The log groups of this account, which come into being when something is written to them."""

    def __init__(self) -> None:
        self._backend = logs_backends[ACCOUNT][REGION]
        self._lock = Lock()

    def write(self, group: str, stream: str, lines: Iterable[str | bytes], when: float | None = None) -> None:
        """Add an event for each line that is not empty. Costs microseconds a line.

        Args:
            group: `/aws/lambda/NAME`; a group that was deleted comes back.
            stream: which instance has written it.
            lines: with their ends or without; bytes are UTF-8.
            when: seconds since 1970; now unless given.
        """
        timestamp = int((time.time() if when is None else when) * 1_000)
        texts = (line.decode("utf-8", "replace") if isinstance(line, bytes) else line for line in lines)
        messages = [message for text in texts if (message := text.rstrip("\r\n"))]
        if messages:
            with self._lock:
                target = self._stream(group, stream)
                if len(target.events) >= 2 * EVENTS_KEPT:
                    target.events = target.events[-EVENTS_KEPT:]  # anew: who reads has the list as it was
                target.put_log_events([{"timestamp": timestamp, "message": text} for text in messages])

    def _stream(self, group: str, stream: str) -> LogStream:
        # Anew, too: a dictionary must not grow while another thread goes through it.
        groups = self._backend.groups
        if group not in groups:
            self._backend.groups = groups = {**groups, group: LogGroup(ACCOUNT, REGION, group)}
        streams: dict[str, LogStream] = groups[group].streams
        if stream not in streams:
            groups[group].streams = streams = {**streams, stream: LogStream(groups[group], stream)}
        return streams[stream]


@SEAMS.replaces("moto.logs.models:LogGroup.filter_log_events")
def _filter_log_events(
    _metrics: object, original: Callable[..., Any], group: LogGroup, *arguments: Any
) -> Any:
    *others, pattern, _interleaved = arguments
    if not _PATTERN.fullmatch(pattern or ""):
        text = f"The local AWS does not serve the filter pattern {pattern[:100]!r}"
        raise InvalidParameterException(text)
    return original(group, *others, pattern, True)


@SEAMS.replaces("moto.logs.responses:LogsResponse.put_metric_filter")
@SEAMS.replaces("moto.logs.responses:LogsResponse.put_subscription_filter")
@SEAMS.replaces("moto.logs.responses:LogsResponse.start_query")
def _not_served(_metrics: object, _original: object, call: LogsResponse) -> NoReturn:
    raise NotImplementedError(call._get_action())  # moto answers, and nothing or the wrong comes of it
