"""Everything that moves between the services by itself: events, notifications, queue batches, schedules."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Self

from moto.events.models import events_backends

from local_aws.account import ACCOUNT, REGION
from local_aws.messaging import event_sources, events, moves, queues, s3_events, sns
from local_aws.messaging.event_sources import EventSources
from local_aws.messaging.faults import FaultPlan
from local_aws.messaging.moves import MoveTasks
from local_aws.messaging.queues import Queues
from local_aws.messaging.targets import Invoke, Targets

__all__ = ["Deliveries"]


class Deliveries:
    """Delivers as AWS would, between whatever resources there are; a context manager.

    Args:
        invoke: calls a function by its physical name; from several threads at once.
        faults: what goes wrong on purpose; nothing by default.
        redelivery_seconds: after how long a queue message comes back that a function failed on.
        minute_seconds: how long a minute of a schedule lasts.
    """

    def __init__(
        self,
        invoke: Invoke,
        *,
        faults: FaultPlan | None = None,
        redelivery_seconds: int = 2,
        minute_seconds: float = 60.0,
    ) -> None:
        self.faults = faults or FaultPlan()
        self._invoke = invoke
        self._redelivery_seconds, self._minute_seconds = redelivery_seconds, minute_seconds
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            targets = stack.enter_context(Targets(self._invoke, self.faults, self._minute_seconds))
            for part in (s3_events, sns, events):
                stack.enter_context(part.SEAMS.installed(targets))
            waiting, tasks = Queues(self.faults), MoveTasks()
            stack.enter_context(queues.SEAMS.installed(waiting))
            stack.enter_context(moves.SEAMS.installed(tasks))
            stack.callback(tasks.stop)
            sources = EventSources(self._invoke, self._redelivery_seconds)
            stack.enter_context(event_sources.SEAMS.installed(sources))
            stack.callback(sources.join)
            stack.callback(waiting.stop_waiting)
            stack.callback(sources.end)
            sources.start()
            for rule in list(events_backends[ACCOUNT][REGION].event_buses["default"].rules.values()):
                events.schedule(targets, rule)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Deliver nothing more; messages that are under way stay in their queues."""
        self._stack.close()
