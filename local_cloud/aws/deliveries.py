"""Everything that moves between the services by itself: events, notifications, queue batches, schedules."""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import Self

from moto.events.models import events_backends
from moto.sqs.models import sqs_backends
from werkzeug import Request, Response

from hybrid_ocr.contracts.names import Names
from local_cloud.aws.event_sources import EventSource, Source
from local_cloud.aws.events import EventTargets, Invocation, Invoke
from local_cloud.aws.faults import FaultPlan
from local_cloud.aws.later import Later
from local_cloud.aws.queues import Queues
from local_cloud.aws.s3_events import s3_events
from local_cloud.aws.schedule import Schedule
from local_cloud.aws.server import AwsServer, json_response
from local_cloud.aws.sns import sns_deliveries
from topology import Topology

__all__ = ["Deliveries", "Invocation", "Invoke"]


class Deliveries:
    """Delivers, as AWS would, between the resources of a topology; start it after they were created.

    Args:
        invoke: calls a function by its physical name; from several threads at once.
        faults: what goes wrong on purpose; nothing by default. GET /_local/faults tells what was done.
        redelivery_seconds: after how long a queue message comes back that a function failed on.
        minute_seconds: how long a minute of a schedule lasts.
    """

    def __init__(
        self,
        server: AwsServer,
        topology: Topology,
        names: Names,
        *,
        invoke: Invoke,
        faults: FaultPlan | None = None,
        redelivery_seconds: int = 2,
        minute_seconds: float = 60.0,
    ) -> None:
        self._server, self._topology, self._names = server, topology, names
        self._invoke, self._faults = invoke, faults or FaultPlan()
        self._redelivery_seconds, self._minute_seconds = redelivery_seconds, minute_seconds
        self._stack = ExitStack()

    def start(self) -> None:
        """Deliver from now on."""
        names = self._names
        with ExitStack() as stack:
            later = Later()
            later.start()
            stack.callback(later.stop)
            targets = EventTargets(self._invoke, self._faults, later)
            stack.enter_context(targets.replacing())
            stack.enter_context(s3_events())
            stack.enter_context(sns_deliveries(self._faults, later))
            queues = Queues(self._faults)
            stack.enter_context(queues.replacing())
            sources = [
                EventSource(sqs_backends[names.account][names.region], source, self._invoke)
                for source in self._sources()
            ]
            for source in sources:
                source.start()
                stack.callback(source.join)
            stack.callback(queues.stop_waiting)
            for source in sources:
                stack.callback(source.end)
            schedule = Schedule(events_backends[names.account][names.region], targets, self._minute_seconds)
            schedule.start()
            stack.callback(schedule.stop)
            self._server.add_route("GET", re.compile("/_local/faults"), self._told)
            self._stack = stack.pop_all()

    def stop(self) -> None:
        """Deliver nothing more; messages that are under way stay in their queues."""
        self._stack.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _sources(self) -> list[Source]:
        return [
            Source(
                queue=self._names.queue(function.queue),
                function=self._names.function(name),
                batch_size=function.batch_size,
                concurrency=function.concurrency,
                redelivery_seconds=self._redelivery_seconds,
            )
            for name, function in self._topology.functions.items()
            if function.queue is not None
        ]

    def _told(self, _request: Request, _match: re.Match[str]) -> Response:
        return json_response(self._faults.summary())
