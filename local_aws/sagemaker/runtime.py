"""SageMaker hosting on one machine: endpoints of moto's records, run by real containers, called over HTTP."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from local_aws.containers import Container, ContainerProcess
from local_aws.errors import ConfigurationError, LocalAwsError, StartError
from local_aws.sagemaker import moto_sagemaker
from local_aws.sagemaker.async_endpoint import AsyncEndpoint
from local_aws.sagemaker.calls import Calls
from local_aws.sagemaker.description import EndpointDescription, describe_endpoint
from local_aws.sagemaker.endpoint import RunningEndpoint
from local_aws.sagemaker.group import InstanceGroup
from local_aws.sagemaker.groups import ContainerFactory, InstanceGroups
from local_aws.sagemaker.limits import RuntimeLimits
from local_aws.sagemaker.metrics import (
    MetricData,
    MetricsPublisher,
    Publish,
    VariantMetrics,
)
from local_aws.server import Route

log = logging.getLogger(__name__)


class SageMakerRuntime:
    """Runs the endpoints that CreateEndpoint made, and answers calls of them; a context manager.

    While it is started, moto's SageMaker tells it of new, changed and deleted endpoints.

    Args:
        clients: makes a boto3 client of a service: s3, sns and sagemaker.
        containers: the container that serves a model.
        log_dir: where the logs of containers go.
        launch: starts a container, given the file its log goes to.
        limits: of the service.
        publish: takes metrics, as `put_metric_data` does: a namespace and metric data.
    """

    def __init__(
        self,
        clients: Callable[[str], Any],
        containers: ContainerFactory,
        log_dir: Path,
        *,
        launch: Callable[[Container, Path], ContainerProcess] = ContainerProcess,
        limits: RuntimeLimits | None = None,
        publish: Publish = lambda namespace, data: None,
    ) -> None:
        self._clients, self._limits = clients, limits or RuntimeLimits()
        self._groups = InstanceGroups(containers, log_dir, launch, self._limits)
        self._publisher = MetricsPublisher(publish, self._limits.metric_period_seconds)
        self._changed = threading.Condition()
        self._endpoints: dict[str, RunningEndpoint] = {}
        self._asynchronous: dict[str, AsyncEndpoint] = {}
        self._failures: dict[str, LocalAwsError] = {}
        self._stopped = threading.Event()
        self._seams = ExitStack()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Follow moto's records from now on, and publish metrics each period."""
        self._seams.enter_context(moto_sagemaker.SEAMS.installed(self))
        self._publisher.start(each_period=self._collected, each_tick=self._concurrency)

    def stop(self) -> None:
        """End every instance; what they were working on gets no answer."""
        self._seams.close()
        self._stopped.set()
        self._publisher.stop()
        with self._changed:
            queues, groups = list(self._asynchronous.values()), self._groups.take_all()
            self._endpoints.clear()
            self._asynchronous.clear()
            self._changed.notify_all()
        for queue in queues:
            queue.close()
        enders = [threading.Thread(target=group.stop) for group in groups]
        for ender in enders:
            ender.start()
        for ender in enders:
            ender.join()

    def routes(self) -> list[Route]:
        """What a server must hand to this object."""
        return Calls(self._in_service, self._asynchronous.get, self._limits).routes()

    def start_endpoint(self, name: str) -> None:
        """Start the instances of an endpoint in moto's records; returns at once, and twice is once."""
        self._in_background(self._bring_up, name)

    def wait_in_service(self, name: str, seconds: float = 120.0) -> None:
        """Wait until an endpoint takes calls.

        Raises:
            LocalAwsError: why it failed; StartError where that took too long, or all was stopped meanwhile.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._in_service(name) or name in self._failures or self._stopped.is_set(), seconds
            )
            if name in self._failures:
                raise self._failures[name]
            if not self._in_service(name):
                raise StartError(f"endpoint {name} was not in service within {seconds:g} s")

    def set_instance_count(self, name: str, instances: int) -> None:
        """Grow or shrink an endpoint; returns at once. Instances that go finish what they work on.

        Raises:
            KeyError: no such endpoint runs.
        """
        with self._changed:
            endpoint = self._endpoints[name]
            endpoint.wanted = instances
            self._fit(endpoint.group)
        self._note_counts(endpoint)

    def pids(self, name: str) -> tuple[int, ...]:
        """The processes that serve an endpoint now."""
        return tuple(instance.pid for instance in self._endpoints[name].instances)

    @property
    def hosts(self) -> dict[str, tuple[int, ...]]:
        """The processes that serve each endpoint now."""
        return {name: self.pids(name) for name in list(self._endpoints)}

    def instance_counts(self, name: str) -> Sequence[tuple[float, int]]:
        """Since when, on the monotonic clock, how many instances of an endpoint have taken work."""
        return tuple(self._endpoints[name].counts)

    @property
    def backlogs(self) -> dict[str, int]:
        """Requests that each asynchronous endpoint has not answered yet."""
        return {name: queue.backlog for name, queue in list(self._asynchronous.items())}

    @property
    def answered(self) -> dict[str, list[Mapping[str, Any]]]:
        """The last invocations that each asynchronous endpoint has answered, with their times."""
        return {name: queue.answered() for name, queue in list(self._asynchronous.items())}

    def publish_metrics(self) -> None:
        """Publish what came since the last time, and the gauges of now."""
        self._publisher.publish(self._collected())

    def gauges(self) -> MetricData:
        """The state of every asynchronous endpoint's queue at this moment, as metrics."""
        return [gauge for queue in list(self._asynchronous.values()) for gauge in queue.gauges()]

    def endpoint_created(self, name: str) -> None:
        """Part of EndpointEvents."""
        self.start_endpoint(name)

    def endpoint_updated(self, name: str) -> None:
        """Part of EndpointEvents: starts the new configuration, then lets go of the old one."""
        self._in_background(self._replace if name in self._endpoints else self._bring_up, name)

    def endpoint_resized(self, name: str, instances: int) -> None:
        """Part of EndpointEvents."""
        if name in self._endpoints:
            self.set_instance_count(name, instances)

    def endpoint_deleted(self, name: str) -> None:
        """Part of EndpointEvents."""
        with self._changed:
            endpoint, queue = self._endpoints.pop(name, None), self._asynchronous.pop(name, None)
            self._failures.pop(name, None)
            if queue:
                queue.close()
            if endpoint:
                endpoint.group.forget(name)
                self._fit(endpoint.group)

    def _in_service(self, name: str) -> RunningEndpoint | None:
        endpoint = self._endpoints.get(name)
        return endpoint if endpoint and endpoint.in_service else None

    def _bring_up(self, name: str) -> None:
        try:
            description = describe_endpoint(self._clients("sagemaker"), name)
            with self._changed:
                if name in self._endpoints or self._stopped.is_set():
                    return
                endpoint = self._endpoints[name] = self._made(description)
                self._fit(endpoint.group)
            endpoint.group.wait_until_ready(description.instances, self._patience(description))
        except Exception as error:
            self._give_up(name, error)
        else:
            with self._changed:
                if self._endpoints.get(name) is not endpoint:
                    return
                self._open(endpoint)

    def _replace(self, name: str) -> None:
        """As AWS does it: the old instances serve until the new ones are ready, and stay where those fail.

        What waits in the queue of an asynchronous endpoint waits for the new ones.
        """
        endpoint, group = self._endpoints[name], None
        try:
            description = describe_endpoint(self._clients("sagemaker"), name)
            if (description.asynchronous is None) != (endpoint.description.asynchronous is None):
                raise ConfigurationError("an update cannot make a real-time endpoint of an asynchronous one")
            with self._changed:
                group = self._groups.of(description)
                group.resize(max(description.instances, len(group.ready)))
            group.wait_until_ready(description.instances, self._patience(description))
        except Exception as error:
            log.exception("endpoint %s could not be updated", name)
            with self._changed:
                self._fit(group or endpoint.group)
            moto_sagemaker.set_status(name, "InService", str(error)[:1024])
            return
        with self._changed:
            old, endpoint.description, endpoint.group = endpoint.group, description, group
            endpoint.wanted = description.instances
            old.forget(name)
            self._fit(old)
            if self._endpoints.get(name) is endpoint:
                self._open(endpoint)
            self._fit(group)

    def _patience(self, description: EndpointDescription) -> float:
        return (
            self._limits.provisioning_seconds + self._limits.ready_after_seconds + description.startup_seconds
        )

    def _made(self, description: EndpointDescription) -> RunningEndpoint:
        metrics = VariantMetrics(description.name, description.variant)
        return RunningEndpoint(
            description, self._groups.of(description), metrics, wanted=description.instances
        )

    def _open(self, endpoint: RunningEndpoint) -> None:
        name = endpoint.name
        if endpoint.description.asynchronous and name not in self._asynchronous:
            self._asynchronous[name] = AsyncEndpoint(
                endpoint, self._limits, s3=self._clients("s3"), sns=self._clients("sns")
            )
        endpoint.in_service = True
        endpoint.group.listen(name, lambda: self._note_counts(endpoint))
        moto_sagemaker.set_status(name, "InService")
        self._note_counts(endpoint)
        self._changed.notify_all()

    def _give_up(self, name: str, error: Exception) -> None:
        if self._stopped.is_set():
            return
        known = error if isinstance(error, LocalAwsError) else StartError(f"{type(error).__name__}: {error}")
        log.error("endpoint %s could not start: %s", name, known.message)
        with self._changed:
            endpoint = self._endpoints.pop(name, None)
            self._failures[name] = known
            if endpoint:
                self._fit(endpoint.group)
            moto_sagemaker.set_status(name, "Failed", known.message[:1024])
            self._changed.notify_all()

    def _fit(self, group: InstanceGroup) -> None:
        """As many instances as that endpoint wants which wants the most; a group of nobody is forgotten."""
        users = [endpoint.wanted for endpoint in self._endpoints.values() if endpoint.group is group]
        group.resize(max(users, default=0))
        if not users:
            self._groups.forget(group)

    def _note_counts(self, endpoint: RunningEndpoint) -> None:
        if self._endpoints.get(endpoint.name) is endpoint:
            current = endpoint.count()
            moto_sagemaker.set_instances(endpoint.name, current=current, desired=endpoint.wanted)
            if queue := self._asynchronous.get(endpoint.name):
                queue.hand_over()

    def _collected(self) -> MetricData:
        data: MetricData = []
        for endpoint in list(self._endpoints.values()):
            data += endpoint.metrics.take()
        return data + self.gauges()

    def _concurrency(self) -> MetricData:
        return [
            endpoint.metrics.gauge("ConcurrentRequestsPerModel", endpoint.in_flight)
            for endpoint in list(self._endpoints.values())
        ]

    @staticmethod
    def _in_background(work: Callable[[str], None], name: str) -> None:
        threading.Thread(target=work, args=(name,), name=f"sagemaker-{name}", daemon=True).start()
