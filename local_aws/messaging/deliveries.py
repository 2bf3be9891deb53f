"""Everything that moves between the services by itself: events, notifications, queue batches, schedules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from local_aws.messaging import event_sources, events, moves, queues, s3_events, sns
from local_aws.messaging.event_sources import EventSources
from local_aws.messaging.faults import FaultPlan
from local_aws.messaging.queues import Queues
from local_aws.messaging.targets import Invoke, Targets


@contextmanager
def delivering(
    invoke: Invoke, faults: FaultPlan, *, redelivery_seconds: int = 2, minute_seconds: float = 60.0
) -> Iterator[None]:
    """Deliver as AWS would, between whatever resources there are, inside the block.

    Messages that are under way at its end stay in their queues.

    Args:
        invoke: calls a function by its physical name; from several threads at once.
        faults: what goes wrong on purpose.
        redelivery_seconds: after how long a queue message comes back that a function failed on. AWS waits for
            the visibility timeout of the queue, minutes that nobody waits for at a desk.
        minute_seconds: how long a minute of a schedule lasts.
    """
    with ExitStack() as stack:
        targets = Targets(invoke, faults, minute_seconds)
        stack.enter_context(targets.delivering())
        for part in (s3_events, sns, events):
            stack.enter_context(part.SEAMS.installed(targets))
        stack.enter_context(moves.SEAMS.installed([]))
        waiting = Queues(faults)
        stack.enter_context(queues.SEAMS.installed(waiting))
        sources = EventSources(invoke, redelivery_seconds)
        stack.enter_context(event_sources.SEAMS.installed(sources))
        stack.callback(sources.join)
        stack.callback(waiting.stop)
        stack.callback(sources.stopping.set)
        sources.start()
        events.start_schedules(targets)
        yield
